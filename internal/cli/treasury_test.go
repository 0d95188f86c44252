package cli_test

import (
	"crypto/ecdsa"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/store/pgtest"
)

// The key of the wallet, so that the test can take money out of it as a thief would.
const stolenKey = "b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291"

const chainConfig = `mode = "dev"
[treasury]
every = "100ms"
[[treasury.low]]
asset = "ETH"
below = "0.5"
[[assets]]
code = "ETH"
scale = 18
networks = ["ethereum"]
[[networks]]
name = "ethereum"
url = "URL"
chain_id = 1337
poll = "100ms"
[keystore]
dir = "keys"
passphrase = "correct horse"
`

// record runs commands and keeps what they said, with ids by name.
type record struct {
	*shell
	text  strings.Builder
	names map[string]string
	ids   []string
}

var walletID = regexp.MustCompile(`\bwal_[0-9a-f]{32}\b`)

func (r *record) note(what string) { r.text.WriteString("# " + what + "\n") }

func (r *record) do(line string) result {
	r.t.Helper()
	command := line
	for n, id := range r.ids {
		command = strings.ReplaceAll(command, "$"+string(rune('1'+n)), id)
	}
	out := r.run(split(command)...)
	all := out.out
	if errs := logLine.ReplaceAllString(out.err, ""); errs != "" {
		all += "--- stderr\n" + errs
	}
	all = walletID.ReplaceAllStringFunc(all, func(id string) string {
		if r.names[id] == "" {
			r.ids = append(r.ids, id)
			r.names[id] = "$" + string(rune('0'+len(r.ids)))
		}
		return r.names[id]
	})
	r.text.WriteString("$ sluice " + line + "\n" + blanks.ReplaceAllString(all, "  ") + "= " + string(rune('0'+out.code)) + "\n\n")
	return out
}

// Every state of a reconciliation, as an operator sees it.
func TestReconcileTranscript(t *testing.T) {
	want, err := os.ReadFile("testdata/chain/reconcile.txt")
	if err != nil && os.Getenv("SLUICE_TEST_UPDATE") == "" {
		t.Fatal(err)
	}
	file, err := filepath.Abs("testdata/chain/reconcile.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sluice.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			got := reconcileStory(t, url(t))
			if os.Getenv("SLUICE_TEST_UPDATE") != "" {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s\n(SLUICE_TEST_UPDATE=1 writes what it is now)", got, want)
			}
		})
	}
}

func reconcileStory(t *testing.T, database string) string {
	chain, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0", Young: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &record{shell: newShell(t), names: map[string]string{}}
	r.env = append(r.env, "SLUICE_DATABASE_URL="+database)
	must(os.WriteFile("sluice.toml", []byte(strings.ReplaceAll(chainConfig, "URL", chain.URL())), 0o600))
	r.want(0, "migrate")
	r.in = stolenKey
	r.do("wallet import --network ethereum")
	r.do("wallet fund-address $1")
	r.do("wallet fund-address wal_00000000000000000000000000000000")
	r.note("A young chain has no final block.")
	r.do("reconcile")
	must(chain.Mine(1))
	must(chain.Finalize())
	r.do("reconcile")
	r.note("A deposit, first in a block that may go away.")
	wei, err := money.ParseMinor("1000000000000000007")
	must(err)
	must(chain.Fund(t.Context(), crypto.PubkeyToAddress(keyOf(t).PublicKey).Hex(), wei))
	r.do("reconcile")
	must(chain.Finalize())
	r.do("reconcile")
	r.note("The server books it.")
	r.serveUntil(`"cause":"agrees"`, `"deposit"`)
	r.do("reconcile")
	r.do("treasury")
	r.note("Money leaves without a payout.")
	must(steal(t, chain))
	must(chain.Finalize())
	r.do("reconcile")
	r.serveUntil(`"missing":"0.600021000000000000"`, "no such text")
	r.do("reconcile --json")
	r.do("treasury")
	r.do(`reconcile book --wallet $1 --asset ETH --amount 0.7 --reason "too much"`)
	r.do(`reconcile book --wallet $1 --asset ETH --amount 0.600021 --reason "moved to the cold wallet by hand"`)
	r.do("reconcile")
	r.want(0, "verify")
	return r.text.String()
}

// serveUntil runs the server until a reconciliation shows one text and not the other.
func (r *record) serveUntil(shows, not string) {
	r.t.Helper()
	v := serve(r.t, r.shell)
	deadline := time.Now().Add(limit)
	for {
		out := r.run("reconcile", "--json").out
		if strings.Contains(out, shows) && !strings.Contains(out, not) {
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("it never said %s: %s\n%s", shows, out, v.log)
		}
		<-time.After(20 * time.Millisecond)
	}
	v.stop(r.t)
}

// steal sends coins from the wallet, behind our back.
func steal(t *testing.T, chain *devnet.Chain) error {
	to := common.HexToAddress("0x00000000000000000000000000000000000000d1")
	tx, err := types.SignNewTx(keyOf(t), types.LatestSignerForChainID(new(big.Int).SetUint64(chain.ID())), &types.LegacyTx{
		Nonce: 0, To: &to, Value: big.NewInt(600_000_000_000_000_000), Gas: 21_000, GasPrice: big.NewInt(1_000_000_000),
	})
	if err != nil {
		return err
	}
	if err := chain.Client().SendTransaction(t.Context(), tx); err != nil {
		return err
	}
	return chain.Mine(1)
}

func keyOf(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.HexToECDSA(stolenKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
