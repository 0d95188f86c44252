package chain

import (
	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// trigger calls a contract (java-tron: VMActuator.call, then TransactionTrace.pay). A call
// that fails in the machine is valid: it is in the block and pays for its energy.
func (c *Chain) trigger(owner wire.Address, t wire.Trigger, feeLimit int64, b *Block, info *Info) *Refusal {
	at, _ := wire.AddressOf(t.Contract)
	deployed, exists := c.state.contracts.get(at)
	if !exists {
		return invalid("No contract or not a smart contract")
	}
	if refusal := c.checkCall(owner, t.CallValue, t.CallTokenValue, t.TokenID, feeLimit); refusal != nil {
		return refusal
	}
	if owner == at && t.CallValue > 0 {
		return invalid("Validate InternalTransfer error, Cannot transfer TRX to yourself.")
	}
	share := c.energyShare(owner, deployed, t.CallValue, feeLimit)
	result := c.execute(tvm.Call{
		Caller: owner.EVM(), To: at.EVM(), Value: t.CallValue, Input: t.Data, Limit: share.caller + share.origin,
	}, b, info)
	info.Contract = at[:]
	return c.payEnergy(owner, deployed, result.Used, info)
}

// create deploys a contract at an address made of the transaction and its owner
// (java-tron: VMActuator.create, WalletUtil.generateContractAddress).
func (c *Chain) create(tx *wire.Transaction, owner wire.Address, t wire.Create, b *Block, info *Info) *Refusal {
	switch {
	case string(t.Owner) != string(t.Origin):
		return invalid("OwnerAddress is not equals OriginAddress")
	case len(t.Name) > 32:
		return invalid("contractName's length cannot be greater than 32")
	case t.UserPercent < 0 || t.UserPercent > 100:
		return invalid("percent must be >= 0 and <= 100")
	case t.OriginEnergyLimit <= 0:
		return invalid("The originEnergyLimit must be > 0")
	}
	if refusal := c.checkCall(owner, t.CallValue, t.CallTokenValue, t.TokenID, tx.Raw.FeeLimit); refusal != nil {
		return refusal
	}
	at := ContractAddress(tx.ID(), owner)
	if _, exists := c.state.accounts.get(at); exists {
		return invalid("Trying to create a contract with existing contract address: " + at.String())
	}
	deployed := Contract{
		Address: at, Origin: owner, Name: t.Name, Bytecode: t.Bytecode, UserPercent: t.UserPercent,
		OriginEnergyLimit: t.OriginEnergyLimit, Version: 1,
	}
	share := c.energyShare(owner, Contract{Origin: owner}, t.CallValue, tx.Raw.FeeLimit)
	mark := c.state.mark()
	c.state.open(at, true)
	c.state.contracts.set(at, deployed)
	result := c.execute(tvm.Call{
		Caller: owner.EVM(), To: at.EVM(), Value: t.CallValue, Input: t.Bytecode, Limit: share.caller, Deploy: true,
	}, b, info)
	if result.Code != wire.ResultSuccess {
		c.state.revert(mark)
	}
	info.Contract = at[:]
	return c.payEnergy(owner, Contract{Origin: owner}, result.Used, info)
}

// ContractAddress is where a CreateSmartContract of this transaction puts its contract.
func ContractAddress(id wire.TxID, owner wire.Address) wire.Address {
	hash := wire.Keccak(id[:], owner[:])
	return wire.FromEVM([20]byte(hash[12:]))
}

func (c *Chain) checkCall(owner wire.Address, value, tokenValue, tokenID, feeLimit int64) *Refusal {
	most := c.state.parameter(FeeLimitMax)
	from, _ := c.state.accounts.get(owner)
	switch {
	case value < 0:
		return invalid("callValue must be >= 0")
	case tokenValue < 0:
		return invalid("tokenValue must be >= 0")
	case tokenValue > 0 || tokenID != 0:
		return invalid("TRC-10 tokens are not known to this stand-in node")
	case feeLimit < 0 || feeLimit > most:
		return invalid("feeLimit must be >= 0 and <= " + itoa(most))
	case from.Balance < value:
		return invalid("Validate InternalTransfer error, balance is not sufficient.")
	}
	return nil
}

// energy is how much of its limit an execution has from its caller and from the owner of
// the contract.
type energy struct{ caller, origin int64 }

// energyShare is the energy limit (java-tron: getTotalEnergyLimitWithFixRatio): what the
// caller has staked and can burn, at most what the fee limit pays for, and the share of the
// contract's owner, who never burns.
func (c *Chain) energyShare(caller wire.Address, deployed Contract, value, feeLimit int64) energy {
	price := max(c.state.parameter(EnergyPrice), 1)
	a, _ := c.state.accounts.get(caller)
	burnable := max(a.Balance-value, 0) / price
	share := energy{caller: min(c.energyLeft(a)+burnable, feeLimit/price)}
	origin, exists := c.state.accounts.get(deployed.Origin)
	if !exists || deployed.Origin == caller || deployed.UserPercent >= 100 {
		return share
	}
	share.origin = min(c.energyLeft(origin), deployed.OriginEnergyLimit)
	if percent := deployed.UserPercent; percent > 0 {
		share.origin = min(share.origin, share.caller*(100-percent)/percent)
	}
	return share
}

// payEnergy takes what was used: the share of the contract's owner from the owner's stake,
// the rest from the caller's stake and then in sun (java-tron: ReceiptCapsule.payEnergyBill).
func (c *Chain) payEnergy(caller wire.Address, deployed Contract, used int64, info *Info) *Refusal {
	info.Receipt.EnergyUsageTotal = used
	rest := used
	if origin, exists := c.state.accounts.get(deployed.Origin); exists && deployed.Origin != caller {
		part := min(used*max(100-deployed.UserPercent, 0)/100, c.energyLeft(origin), deployed.OriginEnergyLimit)
		info.Receipt.OriginEnergyUsage = part
		c.useEnergy(deployed.Origin, part)
		rest -= part
	}
	a, _ := c.state.accounts.get(caller)
	staked := min(rest, c.energyLeft(a))
	c.useEnergy(caller, staked)
	info.Receipt.EnergyUsage = staked
	info.Receipt.EnergyFee = (rest - staked) * max(c.state.parameter(EnergyPrice), 1)
	if !c.state.burn(caller, info.Receipt.EnergyFee) {
		return &Refusal{ContractExeError, "Contract execute error : " + caller.String() + " insufficient balance"}
	}
	return nil
}

func (c *Chain) useEnergy(address wire.Address, n int64) {
	if n == 0 {
		return
	}
	a, _ := c.state.accounts.get(address)
	a.Energy = a.Energy.add(n, c.headSlot(), true)
	a.LastOperation = c.state.props.get().headTime
	c.state.accounts.set(address, a)
}

// execute runs the machine and writes what happened into info.
func (c *Chain) execute(call tvm.Call, b *Block, info *Info) tvm.Result {
	view := &machineState{ledger: c.state}
	result := tvm.Run(view, c.machineBlock(b), call)
	info.Outcome, info.Message = result.Code, result.Message
	info.Failed = result.Code != wire.ResultSuccess
	info.Output, info.Internal = result.Output, result.Internal
	info.Receipt.Machine = true
	info.Receipt.EnergyPenalty = result.Penalty
	if !info.Failed {
		view.finish()
		info.Logs = view.logs
		c.recordActivity(result.Usage)
	}
	return result
}

// machineBlock is what contracts see: the block that takes them, or the head for the pool
// and for constant calls.
func (c *Chain) machineBlock(b *Block) tvm.Block {
	if b == nil {
		b = c.head()
	}
	return tvm.Block{
		Number: b.Number(), Time: b.Time() / 1000, Coinbase: b.Header.Witness.EVM(), ChainID: c.ChainID(),
		EnergyPrice: c.state.parameter(EnergyPrice), Slow: c.slow,
		Hash: func(n uint64) common.Hash {
			if n >= uint64(len(c.blocks)) {
				return common.Hash{}
			}
			return common.Hash(c.blocks[n].ID)
		},
	}
}

// recordActivity adds what contracts used to their cycle.
func (c *Chain) recordActivity(usage map[common.Address]int64) {
	if c.state.parameter(AllowDynamicEnergy) != 1 {
		return
	}
	for address, used := range usage {
		a := c.state.activity(address)
		a.usage += used
		c.state.activities.set(address, a)
	}
}

// activity is a contract's usage and factor, brought to the present cycle (java-tron:
// ContractStateCapsule.catchUpToCycle; TIP-491): one step up when the last cycle it was
// called in was above the threshold, and a quarter of a step down for each other cycle.
func (l *ledger) activity(address common.Address) activity {
	now := l.props.get().cycle
	a, known := l.activities.get(address)
	if !known {
		return activity{cycle: now}
	}
	if a.cycle == now {
		return a
	}
	step := float64(l.parameter(DynamicIncrease)) / one
	last := a.cycle
	if a.usage > l.parameter(DynamicThreshold) {
		last++
		a.factor = min(l.parameter(DynamicMax), int64(float64(a.factor+one)*(1+step))-one)
	}
	down := 1.0
	for range min(now-last, cyclesMax) {
		down *= 1 - step/4
	}
	if now > last {
		a.factor = max(0, int64(float64(a.factor+one)*down)-one)
	}
	return activity{cycle: now, factor: a.factor}
}

// one is a factor of 1.0 in chain parameters; cyclesMax is enough to bring any factor to 0.
const (
	one       = 10_000
	cyclesMax = 1000
)
