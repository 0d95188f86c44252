package chain

import (
	"fmt"

	"sluice/internal/test/tronnode/wire"
)

// process executes a transaction on the state: for block b, or for the pool when b is nil
// (java-tron: Manager.processTransaction, in its order). After a refusal the caller takes
// back what was changed.
func (c *Chain) process(tx *wire.Transaction, b *Block) (*Info, *Refusal) {
	if refusal := c.checkReference(&tx.Raw); refusal != nil {
		return nil, refusal
	}
	if refusal := c.checkCommon(tx, b); refusal != nil {
		return nil, refusal
	}
	if len(tx.Raw.Contracts) != 1 {
		return nil, &Refusal{OtherError, "Other error : act size should be exactly 1, this is extend feature"}
	}
	if refusal := c.checkUnknown(tx); refusal != nil {
		return nil, refusal
	}
	if refusal := c.checkSignatures(tx); refusal != nil {
		return nil, refusal
	}
	info := &Info{ID: tx.ID(), Outcome: wire.ResultSuccess}
	owner, refusal := c.chargeBandwidth(tx, info)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := c.chargeExtras(tx, owner, info); refusal != nil {
		return nil, refusal
	}
	if refusal := c.run(tx, owner, b, info); refusal != nil {
		return nil, refusal
	}
	info.Fee += info.Receipt.NetFee + info.Receipt.EnergyFee
	return info, nil
}

// run does what the contract says.
func (c *Chain) run(tx *wire.Transaction, owner wire.Address, b *Block, info *Info) *Refusal {
	contract := tx.Raw.Contracts[0]
	switch contract.Type {
	case wire.TypeTransfer:
		t, err := wire.DecodeTransfer(contract)
		if err != nil {
			return invalid(err.Error())
		}
		return c.transfer(owner, t, info)
	case wire.TypeTrigger:
		t, err := wire.DecodeTrigger(contract)
		if err != nil {
			return invalid(err.Error())
		}
		return c.trigger(owner, t, tx.Raw.FeeLimit, b, info)
	case wire.TypeCreate:
		t, err := wire.DecodeCreate(contract)
		if err != nil {
			return invalid(err.Error())
		}
		return c.create(tx, owner, t, b, info)
	default:
		return invalid(fmt.Sprintf("contract type %s is not known to this stand-in node", contract.Type))
	}
}

// chargeBandwidth pays for the bytes of a transaction: from stake, else from the free
// quota, else all of it in sun; for a transfer that creates an account from stake or by a
// fixed fee (java-tron: BandwidthProcessor.consume).
func (c *Chain) chargeBandwidth(tx *wire.Transaction, info *Info) (wire.Address, *Refusal) {
	contract := tx.Raw.Contracts[0]
	size := int64(tx.Size() + resultSize)
	owner, _ := wire.AddressOf(contract.Owner())
	if _, exists := c.state.accounts.get(owner); !exists {
		return owner, invalid(fmt.Sprintf("account [%s] does not exist", wire.EncodeBase58Check(contract.Owner())))
	}
	info.Receipt.NetUsage = size
	if c.creates(contract) {
		return owner, c.chargeActivation(tx, owner, size, info)
	}
	if c.useNet(owner, size) || c.useFreeNet(owner, size) {
		return owner, nil
	}
	fee := size * c.state.parameter(BandwidthPrice)
	if !c.state.burn(owner, fee) {
		return owner, insufficient()
	}
	info.Receipt.NetUsage, info.Receipt.NetFee = 0, fee
	return owner, nil
}

// creates reports whether the contract sends TRX to an account that does not exist.
func (c *Chain) creates(contract wire.Contract) bool {
	if contract.Type != wire.TypeTransfer {
		return false
	}
	t, err := wire.DecodeTransfer(contract)
	if err != nil {
		return false
	}
	to, _ := wire.AddressOf(t.To)
	_, exists := c.state.accounts.get(to)
	return !exists
}

func (c *Chain) chargeActivation(tx *wire.Transaction, owner wire.Address, size int64, info *Info) *Refusal {
	bare := tx.Size() - len(tx.Signatures)*wire.SignatureSize
	if most := int(c.state.parameter(ActivationSizeMax)); bare > most {
		return tooBig("new account transaction", tx, bare, most)
	}
	if cost := size * c.state.parameter(ActivationRate); c.useNet(owner, cost) {
		info.Receipt.NetUsage = cost
		return nil
	}
	fee := c.state.parameter(CreateAccountFee)
	if !c.state.burn(owner, fee) {
		return insufficient()
	}
	info.Receipt.NetUsage, info.Receipt.NetFee = 0, fee
	return nil
}

// chargeExtras takes the fees for several signatures and for a memo (java-tron:
// consumeMultiSignFee, consumeMemoFee). They are in the total fee only.
func (c *Chain) chargeExtras(tx *wire.Transaction, owner wire.Address, info *Info) *Refusal {
	var fee int64
	if len(tx.Signatures) > 1 {
		fee += c.state.parameter(MultiSignFee)
	}
	if len(tx.Raw.Data) > 0 {
		fee += c.state.parameter(MemoFee)
	}
	if !c.state.burn(owner, fee) {
		return insufficient()
	}
	info.Fee += fee
	return nil
}

// transfer moves TRX (java-tron: TransferActuator).
func (c *Chain) transfer(owner wire.Address, t wire.Transfer, info *Info) *Refusal {
	to, valid := wire.AddressOf(t.To)
	switch {
	case !valid:
		return invalid("Invalid toAddress!")
	case to == owner:
		return invalid("Cannot transfer TRX to yourself.")
	case t.Amount <= 0:
		return invalid("Amount must be greater than 0.")
	}
	target, exists := c.state.accounts.get(to)
	var fee int64
	if !exists {
		fee = c.state.parameter(ActivationFee)
	}
	if target.Contract {
		if c.state.parameter(ForbidToContract) == 1 {
			return invalid("Cannot transfer TRX to a smartContract.")
		}
		if deployed, _ := c.state.contracts.get(to); c.state.parameter(CompatibleEVM) == 1 && deployed.Version == 1 {
			return invalid("Cannot transfer TRX to a smartContract which version is one. Instead please use TriggerSmartContract ")
		}
	}
	if sum := t.Amount + fee; sum < t.Amount || target.Balance+t.Amount < t.Amount {
		return invalid("long overflow")
	}
	if from, _ := c.state.accounts.get(owner); from.Balance < t.Amount+fee {
		return invalid("Validate TransferContract error, balance is not sufficient.")
	}
	if !exists {
		target = c.state.open(to, false)
	}
	c.state.pay(owner, t.Amount)
	c.state.burn(owner, fee)
	target.Balance += t.Amount
	c.state.accounts.set(to, target)
	info.Fee += fee
	return nil
}
