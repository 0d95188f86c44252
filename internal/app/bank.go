package app

import (
	"context"
	"time"

	"golang.org/x/crypto/ssh"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/code"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/bank/text"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/payout"
	"sluice/internal/seal"
	"sluice/internal/store"
)

// bank is an account at a bank that this process pays from.
type bank struct {
	rail *sepa.Rail
	conf config.BankAccount
	keys *seal.Ring
}

// Line is a channel to a bank that has to be closed.
type Line interface {
	sepa.Channel
	Close() error
}

// openBanks opens every bank that was not handed in as a rail.
func (a *App) openBanks(ctx context.Context) error {
	keys, err := a.conf.Seal.Ring()
	if err != nil {
		return err
	}
	for _, conf := range a.conf.Banks {
		if a.rails[conf.Name] != nil {
			continue
		}
		if keys == nil {
			return fault.Bad("config_invalid", "seal.keys", "must be set to pay to bank accounts: their numbers are kept sealed. `sluice seal key` makes one")
		}
		ch, err := OpenChannel(conf)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, ch.Close)
		cfg, err := bankConfig(conf)
		if err != nil {
			return err
		}
		cfg.Checker, cfg.Channel = sepa.Checker{Network: conf.Name, Ring: keys, BICOutsideEEA: conf.BICOutside}, ch
		if cfg.Wallet, err = bankWallet(ctx, a.Store, conf); err != nil {
			return err
		}
		r := sepa.New(cfg)
		a.rails[conf.Name] = r
		a.banks = append(a.banks, bank{r, conf, keys})
	}
	return nil
}

// bankConfig is what the configuration says about an account; it was validated.
func bankConfig(conf config.BankAccount) (cfg sepa.Config, err error) {
	var b sepa.Bank
	holder, err := text.Name(conf.Holder)
	if err != nil {
		return cfg, err
	}
	initiator, err := text.Name(conf.Initiator)
	if err != nil {
		return cfg, err
	}
	b.Account = message.Party{Name: holder.Text}
	b.Initiator, b.OneBooking, b.FileMax = initiator.Text, conf.OneBooking, conf.FileMax
	if b.Account.IBAN, err = iban.Parse(conf.IBAN); err != nil {
		return cfg, err
	}
	if conf.BIC != "" {
		if b.Account.BIC, err = iban.ParseBIC(conf.BIC); err != nil {
			return cfg, err
		}
	}
	if b.Zone, err = time.LoadLocation(conf.Zone); err != nil {
		return cfg, err
	}
	if b.CutOff, err = sepa.ParseCutOff(conf.CutOff); err != nil {
		return cfg, err
	}
	if b.InstantMax, err = conf.InstantLimit(); err != nil {
		return cfg, err
	}
	b.BICOutsideEEA, b.When = conf.BICOutside, sepa.AddressRule(conf.SendAddress)
	if b.Address, err = bankAddress(conf); err != nil {
		return cfg, err
	}
	cfg = sepa.Config{Bank: b, Collect: conf.Collect.Std(), Poll: conf.Poll.Std()}
	cfg.Opens, err = sepa.ParseCutOff(conf.Opens)
	return cfg, err
}

// bankAddress is our address in the letters that banks take.
func bankAddress(conf config.BankAccount) (a message.Address, err error) {
	a = message.Address{
		Street: text.Map(conf.Street).Text, Building: text.Map(conf.Building).Text, PostCode: text.Map(conf.PostCode).Text, Town: text.Map(conf.Town).Text, Country: conf.Country,
	}
	if conf.SendAddress == string(sepa.AddressNever) {
		return message.Address{}, nil
	}
	if err := a.Check("banks."); err != nil {
		return a, fault.Bad("config_invalid", fault.Of(err).Fields[0].Path, "%s", fault.Of(err).Message)
	}
	return a, nil
}

// payeeAlerts are the results of the verification of a payee that are alerts.
func payeeAlerts(conf config.BankAccount) []code.Payee {
	out := []code.Payee{} // not nil: none means none
	for _, p := range conf.PayeeAlerts {
		out = append(out, code.Payee(p))
	}
	return out
}

// bankWallet is the wallet that stands for an account. It is made when it is missing.
func bankWallet(ctx context.Context, db *store.DB, conf config.BankAccount) (string, error) {
	known, err := db.Wallets(ctx)
	if err != nil {
		return "", err
	}
	for _, w := range known {
		if w.Network == conf.Name && w.Address == conf.IBAN {
			return w.Text(), nil
		}
	}
	var made payout.Wallet
	err = Write(ctx, db, func(loop *commit.Loop) (err error) {
		made, err = commit.Do(ctx, loop, Operator, payout.CreateWallet{Network: conf.Name, Address: conf.IBAN, Label: conf.Holder})
		return err
	})
	return made.Text(), err
}

// OpenChannel opens the way to a bank. It connects to nothing.
func OpenChannel(conf config.BankAccount) (Line, error) {
	if conf.Folder != "" {
		return channel.OpenFolder(conf.Folder, channel.FolderOptions{QuietFor: conf.QuietFor.Std()})
	}
	cfg := channel.SFTPConfig{
		Address: conf.SFTP, User: conf.User, Outbox: conf.RemoteOutbox, Inbox: conf.RemoteInbox, Local: conf.Local, QuietFor: conf.QuietFor.Std(),
	}
	for _, line := range conf.HostKeys {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fault.Bad("config_invalid", "banks.host_keys", "must be keys like \"ssh-ed25519 AAAA...\": %v", err)
		}
		cfg.HostKeys = append(cfg.HostKeys, key)
	}
	if conf.Key.IsZero() {
		cfg.Auth = []ssh.AuthMethod{ssh.Password(conf.Password.Reveal())}
	} else {
		key, err := ssh.ParsePrivateKey([]byte(conf.Key.Reveal()))
		if err != nil {
			return nil, fault.Bad("config_invalid", "banks.key", "must be a private key in PEM: %v", err)
		}
		cfg.Auth = []ssh.AuthMethod{ssh.PublicKeys(key)}
	}
	return channel.OpenSFTP(cfg)
}

// connectBanks gives the banks their books, once there is a way to write.
func (a *App) connectBanks() {
	for _, b := range a.banks {
		b.rail.Connect(bankbook.New(a.Loop, a.Store, bankbook.Options{
			Policy: match.Policy{ConfirmOnSettled: b.conf.EarlyConfirm, PayeeAlerts: payeeAlerts(b.conf)}, Keys: b.keys, Log: a.log.With("network", b.conf.Name),
		}), a.sign)
	}
}

// listen takes in what the bank leaves until ctx ends.
func (b bank) listen(ctx context.Context, a *App) error {
	tick := time.NewTicker(b.rail.PollEvery())
	defer tick.Stop()
	for {
		// What has begun is finished: a file is taken in as a whole.
		a.outages.Note(outage.Subject{What: outage.Bank, Name: b.conf.Name}, b.rail.Round(context.WithoutCancel(ctx)))
		a.queued() // what the bank said may end payouts
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
