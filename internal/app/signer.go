package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/socket"
	"sluice/internal/store"
)

// noKeys is the place of keys of a signer that pays from accounts at banks alone.
type noKeys struct{}

// Public implements signer.Keys.
func (noKeys) Public(context.Context) ([][]byte, error) { return nil, nil }

// Sign implements signer.Keys.
func (noKeys) Sign(context.Context, []byte, signer.Digest) ([]byte, error) {
	return nil, fault.New(fault.Internal, "sign_failed", "There are no keys")
}

// noSigner has no keys.
type noSigner struct{}

// Sign implements signer.Signer.
func (noSigner) Sign(context.Context, signer.Intent) (signer.Signed, error) {
	return signer.Signed{}, fault.New(fault.Refused, "sign_wallet", "signer: this process has no keys")
}

// Addresses implements signer.Signer.
func (noSigner) Addresses(context.Context) ([]string, error) { return nil, nil }

// openSigner opens what signs for this process: a signer of its own, or the keys here,
// those that are made later among them. A process that has no place for keys gets a signer
// without any: it pays nothing out, and says so.
func (a *App) openSigner(ctx context.Context) (signer.Signer, error) {
	c := a.conf
	if c.Signer.Socket != "" {
		s := socket.Dial(c.Signer.Socket)
		a.closers = append(a.closers, s.Close)
		return s, nil
	}
	if len(c.Banks) == 0 && (c.Keystore.Dir == "" || len(c.Networks) == 0) {
		return noSigner{}, nil
	}
	g, err := OpenGuardHere(ctx, c, a.log)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, g.Close)
	return g, nil
}

// OpenGuardHere opens the keys and the log of a server that signs itself. Who gets it
// closes it.
func OpenGuardHere(ctx context.Context, c config.Config, log *slog.Logger) (*guard.Guard, error) {
	keys := signer.Keys(noKeys{})
	if c.Keystore.Dir != "" && len(c.Networks) > 0 {
		var err error
		if keys, err = openKeystore(c.Keystore, log); err != nil {
			return nil, err
		}
	}
	policy, err := PolicyHere(c)
	if err != nil {
		return nil, err
	}
	if err := LogFolder(c); err != nil {
		return nil, err
	}
	return guard.Open(ctx, guard.Options{Keys: keys, Build: build.Builder{}, Policy: policy, Dir: c.LogDir(), Log: log})
}

// SignerLog is the log of what signs for this configuration, to read it beside a running
// server; nil where there is none.
func SignerLog(c config.Config) (log signer.Historian, closing func() error) {
	if c.Signer.Socket != "" {
		s := socket.Dial(c.Signer.Socket)
		return s, s.Close
	}
	if c.Keystore.Dir == "" {
		return nil, func() error { return nil }
	}
	return logFiles(c.LogDir()), func() error { return nil }
}

// logFiles is a signer's log in a folder.
type logFiles string

// History implements signer.Historian.
func (dir logFiles) History(_ context.Context, after string) ([]signer.Record, string, error) {
	return guard.History(string(dir), after)
}

// LogFolder tells why the signer of this process could not keep its log: a folder that is
// closed, or cannot be made where it should be.
func LogFolder(c config.Config) error {
	dir := c.LogDir()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		dir = filepath.Dir(dir) // it is made there
	}
	if err := store.WritableFolder(dir); err != nil {
		return fault.Wrap(err, fault.Invalid, "config_invalid", "signer.dir: the signer keeps its log in %s (set signer.dir, or keystore.dir, for another folder)", c.LogDir())
	}
	return nil
}

// PolicyHere is what holds in the server's own process: the policy that the
// configuration names, or else that slots are bound and fees bounded.
func PolicyHere(c config.Config) (guard.Policy, error) {
	if c.Signer.Policy != "" {
		f, err := config.LoadSigner(c.Signer.Policy, os.Environ())
		if err != nil {
			return guard.Policy{}, err
		}
		return SignerPolicy(f)
	}
	var p guard.Policy
	for _, n := range c.Networks {
		limit, err := n.MaxFeeMinor()
		if err != nil {
			return guard.Policy{}, err
		}
		hour, day, err := n.FeeLimits()
		if err != nil {
			return guard.Policy{}, err
		}
		p.Networks = append(p.Networks, guard.Network{Network: SignerNetwork(n), MaxFee: limit, FeePerHour: hour, FeePerDay: day, Open: true})
	}
	for _, b := range c.Banks {
		p.Networks = append(p.Networks, guard.Network{Network: signer.Network{Name: b.Name, Family: build.Bank, Account: b.IBAN}, Open: true})
	}
	return p, nil
}

// SignerPolicy is what the configuration of a signer allows.
func SignerPolicy(f config.SignerFile) (guard.Policy, error) {
	p := guard.Policy{ApprovalFor: f.Approvals.ValidFor.Std()}
	for i, text := range f.Approvals.Keys {
		key, err := approval.ParsePublic(text)
		if err != nil {
			return p, fault.Bad("config_invalid", fmt.Sprintf("approvals.keys[%d]", i), "%v; `sluice approver keygen` prints one", err)
		}
		p.Approvers = append(p.Approvers, ed25519.PublicKey(key))
	}
	for i, text := range f.AcceptanceKeys {
		key, err := approval.ParsePublic(text)
		if err != nil {
			return p, fault.Bad("config_invalid", fmt.Sprintf("acceptance_keys[%d]", i), "must be a public key; `sluice chain public` prints that of a server")
		}
		p.Acceptors = append(p.Acceptors, key)
	}
	for _, n := range f.Networks {
		out, err := policyNetwork(n)
		if err != nil {
			return p, err
		}
		p.Networks = append(p.Networks, out)
	}
	for _, b := range f.Banks {
		out, err := policyBank(b)
		if err != nil {
			return p, err
		}
		p.Networks = append(p.Networks, out)
	}
	return p, nil
}

// policyBank is what may be paid from an account at a bank.
func policyBank(b config.SignerBank) (out guard.Network, err error) {
	out = guard.Network{Network: signer.Network{Name: b.Name, Family: build.Bank, Account: b.IBAN}, Open: b.Open}
	if b.Open {
		return out, nil
	}
	asset, err := policyAsset(config.SignerAsset{
		Code: sepa.Currency, Scale: message.Euro.Scale, PerPayout: b.PerPayment, PerHour: b.PerHour, PerDay: b.PerDay,
		CountPerHour: b.CountPerHour, CountPerDay: b.CountPerDay, ApprovalAbove: b.ApprovalAbove, AcceptanceAbove: b.AcceptanceAbove,
	})
	if err != nil {
		return out, err
	}
	out.Assets = []guard.Asset{asset}
	if len(b.Destinations) == 0 {
		return out, nil
	}
	ring, err := b.Ring()
	if err != nil {
		return out, err
	}
	out.MayGet = func(to []byte) bool {
		return slices.Contains(b.Destinations, string(to)) ||
			slices.ContainsFunc(ring.Fingerprints(sepa.PrintDomain, to), func(p string) bool { return slices.Contains(b.Destinations, p) })
	}
	return out, nil
}

func policyNetwork(n config.SignerNetwork) (out guard.Network, err error) {
	out = guard.Network{Network: signer.Network{Name: n.Name, Family: build.EVM, ChainID: n.ChainID}, Open: n.Open}
	if n.Kind == config.KindBitcoin {
		out.Network = signer.Network{Name: n.Name, Family: build.UTXO, Coin: n.Coin}
	}
	fee, err := config.Limit(n.MaxFee, n.Scale)
	if err != nil {
		return out, err
	}
	if fee != nil {
		out.MaxFee = *fee
	}
	for _, v := range n.Vaults {
		vault, err := config.Contract(v)
		if err != nil {
			return out, err
		}
		out.Vaults = append(out.Vaults, vault)
	}
	for _, a := range n.Assets {
		asset, err := policyAsset(a)
		if err != nil {
			return out, err
		}
		out.Assets = append(out.Assets, asset)
	}
	if out.FeePerHour, err = config.Limit(n.FeePerHour, n.Scale); err != nil {
		return out, err
	}
	if out.FeePerDay, err = config.Limit(n.FeePerDay, n.Scale); err != nil {
		return out, err
	}
	return feesOfOlder(out), nil
}

// feesOfOlder gives a network whose file says nothing about the sum of fees, as files of
// older versions do, the limits of its own coin: fees leave the wallet in that coin, too.
func feesOfOlder(n guard.Network) guard.Network {
	for _, a := range n.Assets {
		if len(a.Token) > 0 {
			continue
		}
		if n.FeePerHour == nil {
			n.FeePerHour = a.PerHour
		}
		if n.FeePerDay == nil {
			n.FeePerDay = a.PerDay
		}
	}
	return n
}

// Unbounded names what a policy sets no bound to, for whoever runs the signer.
func Unbounded(p guard.Policy) (out []string) {
	for _, n := range p.Networks {
		if n.Account != "" {
			if n.Open {
				out = append(out, "payments from the account of "+n.Name+" have no limit but their order")
			}
			continue
		}
		if n.FeePerHour == nil && n.FeePerDay == nil {
			out = append(out, "fees on "+n.Name+" have no sum: cancels and dearer attempts may cost any number of times the fee of one; set fee_per_hour and fee_per_day")
		}
	}
	return out
}

func policyAsset(a config.SignerAsset) (out guard.Asset, err error) {
	out.Code = a.Code
	if a.Token != "" {
		if out.Token, err = config.Contract(a.Token); err != nil {
			return out, err
		}
	}
	if out.PerPayout, err = config.Limit(a.PerPayout, a.Scale); err != nil {
		return out, err
	}
	if out.PerHour, err = config.Limit(a.PerHour, a.Scale); err != nil {
		return out, err
	}
	if out.PerDay, err = config.Limit(a.PerDay, a.Scale); err != nil {
		return out, err
	}
	out.CountPerHour, out.CountPerDay = a.CountPerHour, a.CountPerDay
	if out.AcceptanceAbove, err = config.Limit(a.AcceptanceAbove, a.Scale); err != nil {
		return out, err
	}
	out.ApprovalAbove, err = config.Limit(a.ApprovalAbove, a.Scale)
	return out, err
}

// OpenGuard opens the keys and the log of a signer. Who gets it closes it.
func OpenGuard(ctx context.Context, f config.SignerFile, log *slog.Logger) (*guard.Guard, error) {
	policy, err := SignerPolicy(f)
	if err != nil {
		return nil, err
	}
	for _, text := range Unbounded(policy) {
		log.Warn(text)
	}
	if f.Dir == "" {
		return nil, fault.Bad("config_invalid", "dir", "is needed: the folder of the signer's log")
	}
	keys, err := openKeys(ctx, f, log)
	if err != nil {
		return nil, err
	}
	return guard.Open(ctx, guard.Options{Keys: keys, Build: build.Builder{}, Policy: policy, Dir: f.Dir, Log: log})
}

// RunSigner answers on the socket until ctx ends. ready is called when it does.
func RunSigner(ctx context.Context, f config.SignerFile, log *slog.Logger, ready func()) error {
	if f.Socket == "" {
		return fault.Bad("config_invalid", "socket", "is needed: the path of the socket, in a folder of its own")
	}
	g, err := OpenGuard(ctx, f, log)
	if err != nil {
		return err
	}
	defer g.Close() //nolint:errcheck // everything in it is durable already
	addresses, err := g.Addresses(ctx)
	if err != nil {
		return err
	}
	mode, err := strconv.ParseUint(f.SocketMode, 8, 32)
	if err != nil {
		return err
	}
	s, err := socket.Listen(f.Socket, socket.ServerOptions{Signer: g, Mode: os.FileMode(mode), Users: slices.Clone(f.SocketUsers), Log: log})
	if err != nil {
		return err
	}
	log.Info("signing", "socket", f.Socket, "wallets", addresses, "log", g.Head())
	ready()
	return s.Run(ctx)
}
