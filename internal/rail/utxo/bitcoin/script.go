package bitcoin

import "bytes"

// Kind is the form of an output script.
type Kind int

// The forms that addresses can say.
const (
	Other Kind = iota
	P2PKH
	P2SH
	P2WPKH
	P2WSH
	P2TR
)

// Witness tells whether spending it puts the signature into the witness.
func (k Kind) Witness() bool { return k >= P2WPKH }

// Opcodes of the standard scripts.
const (
	opDup         = 0x76
	opHash160     = 0xa9
	opEqual       = 0x87
	opEqualVerify = 0x88
	opCheckSig    = 0xac
	op1           = 0x51
)

// KindOf tells the form of a script.
func KindOf(s []byte) Kind {
	switch {
	case len(s) == 25 && bytes.HasPrefix(s, []byte{opDup, opHash160, 20}) && bytes.HasSuffix(s, []byte{opEqualVerify, opCheckSig}):
		return P2PKH
	case len(s) == 23 && bytes.HasPrefix(s, []byte{opHash160, 20}) && s[22] == opEqual:
		return P2SH
	case len(s) == 22 && s[0] == 0 && s[1] == 20:
		return P2WPKH
	case len(s) == 34 && s[0] == 0 && s[1] == 32:
		return P2WSH
	case len(s) == 34 && s[0] == op1 && s[1] == 32:
		return P2TR
	}
	return Other
}

// WitnessScript is the output script of a witness program.
func WitnessScript(version byte, program []byte) []byte {
	if version > 0 {
		version += op1 - 1
	}
	return append([]byte{version, byte(len(program))}, program...) //nolint:gosec // 40 at the most
}

// OutputSize is how many bytes an output with a script takes.
func OutputSize(script []byte) uint64 {
	n := uint64(len(script))
	return 8 + varSize(n) + n
}

// InputWeight is the weight of an input that spends a script with one signature of
// the largest size; 0 for a script that we never spend.
func InputWeight(script []byte) uint64 {
	const bare = 4 * (36 + 1 + 4) // outpoint, empty script, sequence
	switch KindOf(script) {
	case P2WPKH:
		return bare + 1 + 1 + 72 + 1 + 33 // count, signature with low s and its type, key
	case P2TR:
		return bare + 1 + 1 + 64
	case Other, P2PKH, P2SH, P2WSH:
	}
	return 0
}

// Size is the size in virtual bytes of a transaction with these inputs and outputs
// once it is signed; signatures may turn out a byte shorter.
func Size(inputs, outputs [][]byte) uint64 {
	weight := 4*(4+4+varSize(uint64(len(inputs)))+varSize(uint64(len(outputs)))) + 2
	for _, s := range inputs {
		weight += InputWeight(s)
	}
	for _, s := range outputs {
		weight += 4 * OutputSize(s)
	}
	return (weight + 3) / 4
}
