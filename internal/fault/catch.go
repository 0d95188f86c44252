package fault

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic that was caught, with the stack where it happened. It is a mistake of
// the program: whoever catches it ends the work at hand and says so loudly.
type Panic struct {
	Value any
	Stack []byte
}

// Error implements error. The stack is not part of it.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the value of the panic if it was an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Catch turns a panic of the function that defers it into its error. It is for places
// where it is known what the end of the work at hand means, and nowhere else:
//
//	defer fault.Catch(&err)
func Catch(err *error) {
	if v := recover(); v != nil {
		*err = &Panic{Value: v, Stack: debug.Stack()}
	}
}
