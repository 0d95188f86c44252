package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/internal/config"
)

// configName is the file in the folder that the sluice command works with.
const configName = "sluice.toml"

// writeConfig writes what `sluice` commands need to work on this installation while it
// runs. The server itself is configured in the process.
func (w *world) writeConfig() error {
	var b strings.Builder
	line := func(key string, v any) {
		switch v := v.(type) {
		case []string:
			fmt.Fprintf(&b, "%s = [", key)
			for i, s := range v {
				fmt.Fprintf(&b, "%s%q", [...]string{"", ", "}[min(i, 1)], s)
			}
			b.WriteString("]\n")
		case int:
			fmt.Fprintf(&b, "%s = %d\n", key, v)
		default:
			fmt.Fprintf(&b, "%s = %q\n", key, v)
		}
	}
	line("mode", string(config.Dev))
	line("database_url", w.conf.DatabaseURL.Reveal())
	b.WriteString("[seal]\n")
	line("keys", w.conf.Seal.Keys.Reveal())
	for _, a := range w.conf.Assets {
		b.WriteString("[[assets]]\n")
		line("code", a.Code)
		line("scale", a.Scale)
		line("networks", a.Networks)
	}
	for _, n := range w.conf.Networks {
		b.WriteString("[[networks]]\n")
		line("name", n.Name)
		line("kind", n.Kind)
		line("url", n.URL.Reveal())
		if n.ChainID != 0 {
			fmt.Fprintf(&b, "chain_id = %d\n", n.ChainID)
		}
		if n.Coin.Chain != "" {
			line("coin.chain", n.Coin.Chain)
			line("coin.node", n.Coin.Node)
		}
		for asset, contract := range n.Tokens {
			line("tokens."+asset, contract)
		}
	}
	for _, a := range w.conf.Banks {
		b.WriteString("[[banks]]\n")
		line("name", a.Name)
		line("holder", a.Holder)
		line("iban", a.IBAN)
		line("folder", a.Folder)
	}
	return os.WriteFile(w.configPath(), []byte(b.String()), 0o600)
}

func (w *world) configPath() string { return filepath.Join(w.dir, configName) }

// bankEvery is how often the bank looks into its outbox once the story is over.
const bankEvery = 300 * time.Millisecond

// bankRuns lets the bank go on working until ctx ends, so that whoever plays with the demo
// is paid there too.
func (w *world) bankRuns(ctx context.Context) error {
	tick := time.NewTicker(bankEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if _, err := w.bank.Tick(now.Add(w.bank.ahead)); err != nil {
				return fmt.Errorf("the bank: %w", err)
			}
		}
	}
}
