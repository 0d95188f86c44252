package chain

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// existing returns an account that must be there.
func (l *ledger) existing(address wire.Address) (Account, error) {
	a, exists := l.accounts.get(address)
	if !exists {
		return a, fmt.Errorf("account %s does not exist: fund it first", address)
	}
	return a, nil
}

// Fund gives an account sun out of nothing, and creates it if it does not exist.
func (c *Chain) Fund(address wire.Address, sun int64) error {
	return c.do(func(l *ledger) error {
		a, exists := l.accounts.get(address)
		if !exists {
			a = l.open(address, false)
		}
		if a.Balance += sun; a.Balance < 0 {
			return fmt.Errorf("%s would have %d sun", address, a.Balance)
		}
		l.accounts.set(address, a)
		return nil
	})
}

// SetParameter changes a chain parameter at once, as a proposal does at the end of a cycle.
func (c *Chain) SetParameter(key string, value int64) error {
	return c.do(func(l *ledger) error {
		if _, known := l.parameters.get(key); !known {
			return fmt.Errorf("there is no chain parameter %s", key)
		}
		l.parameters.set(key, value)
		return nil
	})
}

// SetPermissions gives an account its permissions (java-tron: AccountPermissionUpdate,
// without its fee). The id of the first active permission is 2, of the next 3.
func (c *Chain) SetPermissions(address wire.Address, owner Permission, active ...Permission) error {
	return c.do(func(l *ledger) error {
		a, err := l.existing(address)
		if err != nil {
			return err
		}
		owner.ID, owner.Name = 0, "owner"
		a.Owner, a.Active = owner, nil
		for i, p := range active {
			p.ID = int32(i) + 2
			if p.Name == "" {
				p.Name = "active"
			}
			a.Active = append(a.Active, p)
		}
		for _, p := range append([]Permission{owner}, a.Active...) {
			if err := p.check(); err != nil {
				return err
			}
		}
		l.accounts.set(address, a)
		return nil
	})
}

// check follows AccountPermissionUpdateActuator.checkPermission.
func (p Permission) check() error {
	var sum int64
	for _, k := range p.Keys {
		if k.Weight <= 0 {
			return fmt.Errorf("permission %q: key's weight should be greater than 0", p.Name)
		}
		sum += k.Weight
	}
	if len(p.Keys) == 0 || len(p.Keys) > signaturesMax || p.Threshold <= 0 || sum < p.Threshold {
		return fmt.Errorf("permission %q: 1 to %d keys whose weights reach a threshold above 0", p.Name, signaturesMax)
	}
	return nil
}

// Stake moves sun of an account's balance into its stake: net for bandwidth, energy for
// energy. Negative amounts come back at once, without the wait of 14 days.
func (c *Chain) Stake(address wire.Address, net, energy int64) error {
	return c.do(func(l *ledger) error {
		a, err := l.existing(address)
		if err != nil {
			return err
		}
		before := a
		a.Balance -= net + energy
		a.Staked.Net += net
		a.Staked.Energy += energy
		if a.Balance < 0 || a.Staked.Net < 0 || a.Staked.Energy < 0 {
			return fmt.Errorf("%s has %d sun and a stake of %+v", address, before.Balance, before.Staked)
		}
		l.accounts.set(address, a)
		l.change(func(p *properties) {
			p.netWeight += a.weightNet() - before.weightNet()
			p.energyWeight += a.weightEnergy() - before.weightEnergy()
		})
		return nil
	})
}

func (a Account) weightNet() int64    { return (a.Staked.Net + a.Delegated.Net) / sunPerTRX }
func (a Account) weightEnergy() int64 { return (a.Staked.Energy + a.Delegated.Energy) / sunPerTRX }

// Delegate lets stake of one account work for another (java-tron:
// DelegateResourceActuator). Negative amounts take it back: what the receiver had used of
// it comes back with it (UnDelegateResourceActuator), which is left out here.
func (c *Chain) Delegate(from, to wire.Address, net, energy int64) error {
	return c.do(func(l *ledger) error {
		owner, err := l.existing(from)
		if err != nil {
			return err
		}
		receiver, err := l.existing(to)
		if err != nil {
			return err
		}
		if from == to || receiver.Contract {
			return fmt.Errorf("%s cannot delegate to %s: it is the same account, or a contract", from, to)
		}
		lent, _ := l.links.get(link{from, to})
		owner.Staked.Net, owner.Delegated.Net = owner.Staked.Net-net, owner.Delegated.Net+net
		owner.Staked.Energy, owner.Delegated.Energy = owner.Staked.Energy-energy, owner.Delegated.Energy+energy
		receiver.Acquired.Net, receiver.Acquired.Energy = receiver.Acquired.Net+net, receiver.Acquired.Energy+energy
		lent.Net, lent.Energy = lent.Net+net, lent.Energy+energy
		if min(owner.Staked.Net, owner.Staked.Energy, lent.Net, lent.Energy) < 0 {
			return fmt.Errorf("%s has not staked, or not lent to %s, so much", from, to)
		}
		l.accounts.set(from, owner)
		l.accounts.set(to, receiver)
		l.links.set(link{from, to}, lent)
		return nil
	})
}

// SetFactor gives a contract an energy factor: 10,000 adds the price once more.
func (c *Chain) SetFactor(contract wire.Address, factor int64) error {
	return c.do(func(l *ledger) error {
		a := l.activity(contract.EVM())
		a.factor = factor
		l.activities.set(contract.EVM(), a)
		return nil
	})
}

// Deployment is a contract that a test puts on the chain.
type Deployment struct {
	Owner             wire.Address
	Name              string
	ABI               []byte // JSON
	Code              []byte // with constructor arguments
	UserPercent       int64  // of the energy that callers pay
	OriginEnergyLimit int64
}

// Deploy runs a constructor without a fee and returns where the contract is.
func (c *Chain) Deploy(d Deployment) (wire.Address, error) {
	hash := wire.Keccak([]byte(d.Name), d.Owner[:], d.Code)
	at := wire.FromEVM([20]byte(hash[12:]))
	err := c.do(func(l *ledger) error {
		if _, exists := l.accounts.get(at); exists {
			return fmt.Errorf("%s is deployed already", at)
		}
		l.open(at, true)
		l.contracts.set(at, Contract{
			Address: at, Origin: d.Owner, Name: d.Name, ABI: d.ABI, Bytecode: d.Code, UserPercent: d.UserPercent,
			OriginEnergyLimit: max(d.OriginEnergyLimit, 1), Version: 1,
		})
		return c.operate(l, tvm.Call{Caller: d.Owner.EVM(), To: at.EVM(), Input: d.Code, Deploy: true})
	})
	return at, err
}

// Call runs a call of a contract without a transaction and without a fee, with its effect.
func (c *Chain) Call(caller, contract wire.Address, data []byte) error {
	return c.do(func(l *ledger) error {
		return c.operate(l, tvm.Call{Caller: caller.EVM(), To: contract.EVM(), Input: data})
	})
}

// operate runs a call whose energy nobody pays.
func (c *Chain) operate(l *ledger, call tvm.Call) error {
	view := &machineState{ledger: l}
	call.Limit = constantEnergyMax
	result := tvm.Run(view, c.machineBlock(nil), call)
	if result.Code != wire.ResultSuccess {
		return fmt.Errorf("%s: %s (%x)", result.Code, result.Message, result.Output)
	}
	view.finish()
	return nil
}

// Storage writes a slot of a contract, for what no function of it can do.
func (c *Chain) Storage(contract wire.Address, key, value common.Hash) error {
	return c.do(func(l *ledger) error {
		l.slots.set(slot{contract.EVM(), key}, value)
		return nil
	})
}
