package rail

import (
	"context"
	"sync"
)

// A round is one look at a wallet and at everything of it that is under way. Within it a
// rail asks the network once for what does not change the outcome if it is a moment old:
// the latest block, the price, a balance at a block. What proves an outcome is always
// asked anew.

type roundKey struct{}

// memory is what a round remembers: answers by question.
type memory struct {
	mu      sync.Mutex
	answers map[any]*answer
}

// answer is one question of a round; done is closed once it is known.
type answer struct {
	done  chan struct{}
	value any
	err   error
}

// Round returns a context with an empty memory, for one round.
func Round(ctx context.Context) context.Context {
	return context.WithValue(ctx, roundKey{}, &memory{answers: map[any]*answer{}})
}

// InRound returns ctx if it is in a round, else one in a round of its own.
func InRound(ctx context.Context) context.Context {
	if m, _ := ctx.Value(roundKey{}).(*memory); m != nil {
		return ctx
	}
	return Round(ctx)
}

// Once returns the answer to a question from the memory of the round, or asks. key names
// the question among all of the rail; it must be comparable. Whoever asks the same at the
// same time shares one answer. Errors are shared, but not remembered. Without a round it
// just asks.
func Once[T any](ctx context.Context, key any, ask func() (T, error)) (T, error) {
	m, _ := ctx.Value(roundKey{}).(*memory)
	if m == nil {
		return ask()
	}
	m.mu.Lock()
	if a, ok := m.answers[key]; ok {
		m.mu.Unlock()
		select {
		case <-a.done:
		case <-ctx.Done():
			var none T
			return none, &Wait{Code: CodeSilent, Text: TextSilent, Cause: ctx.Err()}
		}
		v, _ := a.value.(T)
		return v, a.err
	}
	a := &answer{done: make(chan struct{})}
	m.answers[key] = a
	m.mu.Unlock()
	a.err = errNoAnswer // of a question that panics
	defer func() {
		if a.err != nil {
			m.mu.Lock()
			delete(m.answers, key)
			m.mu.Unlock()
		}
		close(a.done)
	}()
	v, err := ask()
	a.value, a.err = v, err
	return v, err
}

var errNoAnswer = &Wait{Code: CodeSilent, Text: TextSilent}
