package chain

import "sluice/internal/test/tronnode/wire"

// Resources come back over a day of slots (java-tron: ResourceProcessor).
const (
	window    = 24 * 60 * 60 * 1000 / slotMillis // slots
	precision = 1_000_000
	// windowUnit makes windows of accounts finer than slots (java-tron:
	// WINDOW_SIZE_PRECISION).
	windowUnit = 1000
	// publicNetLimit is what all accounts may use of free bandwidth in a day.
	publicNetLimit = 14_400_000_000
)

// Usage is what was used of a resource, and when. Window is in 1/1000 slots; 0 is a day.
type Usage struct {
	Used   int64
	Slot   int64
	Window int64
}

func (u Usage) slots() int64 {
	if u.Window == 0 {
		return window
	}
	return max(u.Window/windowUnit, 1)
}

// at is what of the usage is left at a slot.
func (u Usage) at(now int64) int64 {
	return u.average(now) * u.slots() / precision
}

// average is the usage per slot of its window, in millionths, decayed to now.
func (u Usage) average(now int64) int64 {
	size := u.slots()
	average := ceil(u.Used*precision, size)
	if u.Slot == now {
		return average
	}
	remaining := u.Slot + size - now
	if remaining <= 0 {
		return 0
	}
	return (2*average*remaining + size) / (2 * size) // rounded
}

// add uses n more at a slot. With fit the window follows the usage (TIP-541 and
// getAllowCancelAllUnfreezeV2), as it does for staked resources; free bandwidth keeps a day.
func (u Usage) add(n, now int64, fit bool) Usage {
	size, average := u.slots(), u.average(now)
	next := Usage{Used: (average*size + ceil(n*precision, window)*window) / precision, Slot: now}
	left := average * size / precision
	if !fit || left == 0 {
		return next
	}
	remaining := size*windowUnit - (now-u.Slot)*windowUnit
	if u.Window != 0 {
		remaining = u.Window - (now-u.Slot)*windowUnit
	}
	next.Window = min(ceil(left*remaining+n*window*windowUnit, next.Used), window*windowUnit)
	return next
}

func ceil(n, by int64) int64 {
	if by == 0 {
		return 0
	}
	return (n + by - 1) / by
}

// headSlot is the time in which resources are counted: slots of the head block since
// genesis.
func (c *Chain) headSlot() int64 {
	return (c.state.props.get().headTime - c.genesisTime) / slotMillis
}

// limit is the share of a network-wide limit that stake gives.
func limit(stake, total, weight int64) int64 {
	if stake < sunPerTRX || weight <= 0 {
		return 0
	}
	return int64(float64(stake) / sunPerTRX * (float64(total) / float64(weight)))
}

// NetLimit is the bandwidth per day that an account's stake gives, in bytes.
func (l *ledger) netLimit(a Account) int64 {
	return limit(a.Staked.Net+a.Acquired.Net, l.parameter(NetLimit), l.props.get().netWeight)
}

// energyLimit is the energy per day that an account's stake gives.
func (l *ledger) energyLimit(a Account) int64 {
	return limit(a.Staked.Energy+a.Acquired.Energy, l.parameter(EnergyLimit), l.props.get().energyWeight)
}

// energyLeft is what an account can use now without burning (java-tron:
// getAccountLeftEnergyFromFreeze).
func (c *Chain) energyLeft(a Account) int64 {
	return max(c.state.energyLimit(a)-a.Energy.at(c.headSlot()), 0)
}

// useNet pays for bytes with staked bandwidth, all or nothing.
func (c *Chain) useNet(address wire.Address, bytes int64) bool {
	a, _ := c.state.accounts.get(address)
	now := c.headSlot()
	if bytes > c.state.netLimit(a)-a.Net.at(now) {
		return false
	}
	a.Net = a.Net.add(bytes, now, true)
	a.LastOperation = c.state.props.get().headTime
	c.state.accounts.set(address, a)
	return true
}

// useFreeNet pays for bytes with the free bandwidth of the account, all or nothing.
func (c *Chain) useFreeNet(address wire.Address, bytes int64) bool {
	a, _ := c.state.accounts.get(address)
	now, public := c.headSlot(), c.state.props.get().publicNet
	if bytes > c.state.parameter(FreeNetLimit)-a.FreeNet.at(now) || bytes > publicNetLimit-public.at(now) {
		return false
	}
	a.FreeNet = a.FreeNet.add(bytes, now, false)
	a.LastOperation = c.state.props.get().headTime
	c.state.accounts.set(address, a)
	c.state.change(func(p *properties) { p.publicNet = public.add(bytes, now, false) })
	return true
}
