package chain

// Parameter is a chain parameter as getchainparameters shows it. A value of 0 is shown
// without a value.
type Parameter struct {
	Key   string
	Value int64
}

// Keys of parameters that the stand-in node acts on.
const (
	MaintenanceInterval = "getMaintenanceTimeInterval" // ms
	CreateAccountFee    = "getCreateAccountFee"        // sun, instead of bandwidth
	BandwidthPrice      = "getTransactionFee"          // sun per byte
	ActivationFee       = "getCreateNewAccountFeeInSystemContract"
	ActivationRate      = "getCreateNewAccountBandwidthRate"
	EnergyPrice         = "getEnergyFee" // sun
	EnergyLimit         = "getTotalEnergyCurrentLimit"
	MultiSignFee        = "getMultiSignFee"
	ForbidToContract    = "getForbidTransferToContract"
	CompatibleEVM       = "getAllowTvmCompatibleEvm"
	FeeLimitMax         = "getMaxFeeLimit"
	FreeNetLimit        = "getFreeNetLimit"
	NetLimit            = "getTotalNetLimit"
	MemoFee             = "getMemoFee"
	AllowDynamicEnergy  = "getAllowDynamicEnergy"
	DynamicThreshold    = "getDynamicEnergyThreshold"
	DynamicIncrease     = "getDynamicEnergyIncreaseFactor" // of 10,000
	DynamicMax          = "getDynamicEnergyMaxFactor"      // of 10,000
	ActivationSizeMax   = "getMaxCreateAccountTxSize"
	// ConsensusLogic is parameter 88 (TIP-694): a block refuses what expires before the
	// next slot.
	ConsensusLogic = "getConsensusLogicOptimization"
)

// defaultParameters are those of the main network as far as they are public, in the order
// in which a node lists them.
var defaultParameters = []Parameter{
	{MaintenanceInterval, 21_600_000},
	{"getAccountUpgradeCost", 9_999_000_000},
	{CreateAccountFee, 100_000},
	{BandwidthPrice, 1000},
	{"getAssetIssueFee", 1_024_000_000},
	{"getWitnessPayPerBlock", 8_000_000},
	{"getWitnessStandbyAllowance", 115_200_000_000},
	{ActivationFee, 1_000_000},
	{ActivationRate, 1},
	{"getAllowCreationOfContracts", 1},
	{"getRemoveThePowerOfTheGr", -1},
	{EnergyPrice, 100},
	{"getExchangeCreateFee", 1_024_000_000},
	{"getMaxCpuTimeOfOneTx", 80},
	{"getAllowUpdateAccountName", 0},
	{"getAllowSameTokenName", 1},
	{"getAllowDelegateResource", 1},
	{"getTotalEnergyLimit", 180_000_000_000},
	{"getAllowTvmTransferTrc10", 1},
	{EnergyLimit, 180_000_000_000},
	{"getAllowMultiSign", 1},
	{"getAllowAdaptiveEnergy", 0},
	{"getTotalEnergyTargetLimit", 6_250_000},
	{"getTotalEnergyAverageUsage", 0},
	{"getUpdateAccountPermissionFee", 100_000_000},
	{MultiSignFee, 1_000_000},
	{"getAllowAccountStateRoot", 0},
	{"getAllowProtoFilterNum", 0},
	{"getAllowTvmConstantinople", 1},
	{"getAllowTvmSolidity059", 1},
	{"getAllowTvmIstanbul", 1},
	{"getAllowShieldedTRC20Transaction", 1},
	{ForbidToContract, 1},
	{"getAdaptiveResourceLimitTargetRatio", 10},
	{"getAdaptiveResourceLimitMultiplier", 1000},
	{"getChangeDelegation", 1},
	{"getWitness127PayPerBlock", 128_000_000},
	{"getAllowMarketTransaction", 0},
	{"getMarketSellFee", 0},
	{"getMarketCancelFee", 0},
	{"getAllowPBFT", 0},
	{"getAllowTransactionFeePool", 0},
	{FeeLimitMax, 15_000_000_000},
	{"getAllowOptimizeBlackHole", 1},
	{"getAllowNewResourceModel", 0},
	{"getAllowTvmFreeze", 0},
	{"getAllowTvmVote", 1},
	{"getAllowTvmLondon", 1},
	{CompatibleEVM, 1},
	{"getAllowAccountAssetOptimization", 0},
	{FreeNetLimit, 600},
	{NetLimit, 43_200_000_000},
	{"getAllowHigherLimitForMaxCpuTimeOfOneTx", 1},
	{"getAllowAssetOptimization", 1},
	{"getAllowNewReward", 1},
	{MemoFee, 1_000_000},
	{"getAllowDelegateOptimization", 1},
	{"getUnfreezeDelayDays", 14},
	{"getAllowOptimizedReturnValueOfChainId", 1},
	{AllowDynamicEnergy, 1},
	{DynamicThreshold, 5_000_000_000},
	{DynamicIncrease, 2000},
	{DynamicMax, 34_000},
	{"getAllowTvmShangHai", 1},
	{"getAllowCancelAllUnfreezeV2", 1},
	{"getMaxDelegateLockPeriod", 864_000},
	{"getAllowOldRewardOpt", 1},
	{"getAllowEnergyAdjustment", 1},
	{ActivationSizeMax, 1000},
	{"getAllowStrictMath", 1},
	{ConsensusLogic, 0},
	{"getAllowTvmCancun", 1},
	{"getAllowTvmBlob", 0},
}
