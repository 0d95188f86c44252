package socket

import (
	"io"

	"sluice/internal/signer"
)

// ReadRequest reads one question as the server does.
func ReadRequest(r io.Reader) (signer.Intent, error) {
	var q request
	if err := readFrame(r, &q); err != nil || q.Intent == nil {
		return signer.Intent{}, err
	}
	return q.Intent.read()
}

// WriteRequest writes a question as the client does.
func WriteRequest(in signer.Intent) ([]byte, error) {
	return frame(request{Version: version, ID: 1, Op: opSign, Intent: writeIntent(in)})
}

// FrameMax is the longest frame.
const FrameMax = frameMax
