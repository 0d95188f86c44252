package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// Signer says who signs for this process.
type Signer struct {
	Socket string `toml:"socket" doc:"socket of a running sluice signer, which signs then; this process has no keys of its own. Empty: this process signs with keystore"`
	Dir    string `toml:"dir" doc:"folder of the log in which this process binds every slot that it signs for. It belongs to the keys: keep and move both together. Empty: the folder keystore.dir with .signer behind its name, or sluice.signer where there are no keys"`
	Policy string `toml:"policy" doc:"file with limits, lists and approvals (docs/signer.md) that this process holds itself to; empty: slots are bound and fees are bounded, nothing else"`
}

// LogDir is the folder of the log of a process that signs itself.
func (c Config) LogDir() string {
	if c.Signer.Dir != "" {
		return c.Signer.Dir
	}
	if c.Keystore.Dir == "" {
		return "sluice.signer" // it pays through banks alone
	}
	return strings.TrimRight(c.Keystore.Dir, "/") + ".signer"
}

// SignerFile is the configuration of `sluice signer`, which trusts nobody else's.
type SignerFile struct {
	Socket      string          `toml:"socket"`       // path of the socket
	SocketMode  string          `toml:"socket_mode"`  // "0600" or "0660"
	SocketUsers []int           `toml:"socket_users"` // ids of the users that may ask, beside the signer's own
	Dir         string          `toml:"dir"`          // folder of the log
	Keystore    Keystore        `toml:"keystore"`
	AWSKMS      *AWSKMS         `toml:"aws_kms"`
	PKCS11      *PKCS11         `toml:"pkcs11"`
	Approvals   SignerApprovals `toml:"approvals"`
	// AcceptanceKeys are public keys of accepting processes, as `sluice chain public` prints them.
	AcceptanceKeys []string        `toml:"acceptance_keys"`
	Networks       []SignerNetwork `toml:"networks"`
	Banks          []SignerBank    `toml:"banks"`
	Log            Log             `toml:"log"`
}

// AWSKMS names keys at AWS. Who may use them comes from where AWS programs find it.
type AWSKMS struct {
	Region   string   `toml:"region"`
	Keys     []string `toml:"keys"`     // ids or ARNs
	Endpoint string   `toml:"endpoint"` // empty: AWS's own
}

// PKCS11 names keys in a hardware module.
type PKCS11 struct {
	Module string `toml:"module"` // path of the module's library
	Token  string `toml:"token"`  // label
	PIN    Secret `toml:"pin"`
}

// SignerApprovals says whose approvals count.
type SignerApprovals struct {
	Keys     []string `toml:"keys"`      // public keys, as `sluice approver keygen` prints them
	ValidFor Duration `toml:"valid_for"` // default 168h
}

// SignerNetwork is what the signer pays on one network. Amounts are texts in whole
// units, like "0.5"; an empty one is no limit.
type SignerNetwork struct {
	Name    string `toml:"name"` // as in the server's configuration
	Kind    string `toml:"kind"` // default evm
	ChainID uint64 `toml:"chain_id"`
	Coin    string `toml:"coin"`  // the chain of a coin network, as coin.chain of the server's
	Scale   int    `toml:"scale"` // of the network's own coin; default 18, and 8 on a coin network
	MaxFee  string `toml:"max_fee"`
	// What all transactions of an hour and of a day may cost together. Empty: as much as
	// the network's own coin may be paid out, per_hour and per_day of its asset.
	FeePerHour string        `toml:"fee_per_hour"`
	FeePerDay  string        `toml:"fee_per_day"`
	Open       bool          `toml:"open"` // any asset and any vault, without limits
	Vaults     []string      `toml:"vaults"`
	Assets     []SignerAsset `toml:"assets"`
}

// SignerAsset is one asset with its limits.
type SignerAsset struct {
	Code          string `toml:"code"`
	Scale         int    `toml:"scale"`
	Token         string `toml:"token"`
	PerPayout     string `toml:"per_payout"`
	PerHour       string `toml:"per_hour"`
	PerDay        string `toml:"per_day"`
	CountPerHour  int    `toml:"count_per_hour"` // payouts; 0: no limit
	CountPerDay   int    `toml:"count_per_day"`
	ApprovalAbove string `toml:"approval_above"`
	// Above it, the record of the acceptance of the payout is asked for; "0": always.
	AcceptanceAbove string `toml:"acceptance_above"`
}

// coinScale is the scale of the coins of Bitcoin and its kin.
const coinScale = 8

// LoadSigner reads the configuration of a signer. The error is a fault of kind Invalid
// that names every wrong key with its rule.
func LoadSigner(path string, environ []string) (SignerFile, error) {
	s := SignerFile{SocketMode: "0660", Log: Log{Level: "info", Format: "text"}}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return s, fault.Wrap(err, fault.Invalid, "config_missing", "the signer's configuration %s cannot be read; docs/signer.md shows one", path)
	}
	var p problems
	document{problems: &p, file: path, unknown: func(string) string { return "; docs/signer.md lists all keys" }}.read(text, &s)
	secrets := vault{&p, func(name string) (string, bool) { return lookup(environ, name) }, true, new([]string)}
	secrets.read("keystore.passphrase", &s.Keystore.Passphrase, true)
	if s.PKCS11 != nil {
		secrets.read("pkcs11.pin", &s.PKCS11.PIN, true)
	}
	for i := range s.Banks {
		secrets.read(fmt.Sprintf("banks[%d].prints", i), &s.Banks[i].Prints, true)
	}
	if len(p) == 0 {
		s.check(&p)
	}
	return s, p.err()
}

func (s *SignerFile) check(p *problems) {
	if mode, err := strconv.ParseUint(s.SocketMode, 8, 32); err != nil || mode&^0o660 != 0 || mode&0o600 != 0o600 {
		p.add("socket_mode", "must be \"0600\" or \"0660\": nobody else may ask")
	}
	oneOf(p, "log.level", s.Log.Level, "debug", "info", "warn", "error")
	oneOf(p, "log.format", s.Log.Format, "text", "json")
	if v := s.Approvals.ValidFor; v != 0 {
		span(p, "approvals.valid_for", v, time.Minute, 90*24*time.Hour)
	}
	if len(s.Networks) == 0 && len(s.Banks) == 0 {
		p.add("networks", "there is none, and no bank: the signer would refuse everything")
	}
	for i := range s.Banks {
		s.Banks[i].check(p, fmt.Sprintf("banks[%d]", i))
	}
	for i := range s.Networks {
		n := &s.Networks[i]
		path := fmt.Sprintf("networks[%d]", i)
		if n.Kind == "" {
			n.Kind = KindEVM
		}
		oneOf(p, path+".kind", n.Kind, KindEVM, KindBitcoin)
		if n.Scale == 0 {
			n.Scale = nativeScale
			if n.Kind == KindBitcoin {
				n.Scale = coinScale
			}
		}
		if n.Name == "" {
			p.add(path+".name", "is missing: write it as in the server's configuration")
		}
		if n.Kind == KindEVM && n.ChainID == 0 {
			p.add(path+".chain_id", "is missing")
		}
		if n.Kind == KindBitcoin && n.Coin == "" {
			p.add(path+".coin", "is missing: which chain, as in coin.chain of the server's configuration")
		}
		if n.Open && (len(n.Assets) > 0 || len(n.Vaults) > 0) {
			p.add(path+".open", "lets everything through; take it away, or the lists")
		}
		amount(p, path+".max_fee", n.MaxFee, n.Scale)
		amount(p, path+".fee_per_hour", n.FeePerHour, n.Scale)
		amount(p, path+".fee_per_day", n.FeePerDay, n.Scale)
		for j, v := range n.Vaults {
			contract(p, fmt.Sprintf("%s.vaults[%d]", path, j), v)
		}
		for j, a := range n.Assets {
			a.check(p, fmt.Sprintf("%s.assets[%d]", path, j))
		}
	}
}

func (a SignerAsset) check(p *problems, path string) {
	if err := (money.Asset{Code: a.Code, Scale: a.Scale}).Validate(); err != nil {
		p.add(path, "%v", err)
		return
	}
	if a.Token != "" {
		contract(p, path+".token", a.Token)
	}
	for _, l := range []struct{ key, text string }{
		{"per_payout", a.PerPayout}, {"per_hour", a.PerHour}, {"per_day", a.PerDay}, {"approval_above", a.ApprovalAbove}, {"acceptance_above", a.AcceptanceAbove},
	} {
		amount(p, path+"."+l.key, l.text, a.Scale)
	}
	between(p, path+".count_per_hour", a.CountPerHour, 0, 1<<30)
	between(p, path+".count_per_day", a.CountPerDay, 0, 1<<30)
}

func amount(p *problems, path, text string, scale int) {
	if _, err := Limit(text, scale); err != nil {
		p.add(path, "must be an amount in whole units, as a text like \"0.5\", with at most %d decimals", scale)
	}
}

// Limit reads an amount in whole units; nil for an empty text, which is no limit.
func Limit(text string, scale int) (*money.Amount, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no limit is a value of its own
	}
	a, err := money.Asset{Code: "X", Scale: scale}.Parse(text)
	return &a, err
}

func contract(p *problems, path, text string) {
	if _, err := Contract(text); err != nil {
		p.add(path, "%v", err)
	}
}

// Contract reads the address of a contract.
func Contract(text string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) != 20 || !strings.HasPrefix(text, "0x") {
		return nil, errors.New("must be a contract address: 0x and 40 hex digits")
	}
	return raw, nil
}
