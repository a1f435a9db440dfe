package handler

import (
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// code converts an error to the number that the protocol has for it: the
// kerr value that it wraps, 0 for nil. An error that wraps none is the disk's
// or a bug: UNKNOWN_SERVER_ERROR, and the caller logs it (see Handlers.code).
func code(err error) int16 {
	if err == nil {
		return 0
	}
	if k, ok := errors.AsType[*kerr.Error](err); ok {
		return k.Code
	}
	return kerr.UnknownServerError.Code
}

// CountError is called with each error that a client is told: the API as Kafka spells it, and the name of the error.
type CountError func(api, name string)

// count counts an error; nil is one that the protocol does not know.
func (f CountError) count(api string, k *kerr.Error) {
	if k == nil {
		k = kerr.UnknownServerError
	}
	if f != nil {
		f(api, k.Message)
	}
}

// message is the text that goes with code(err) in answers that have a place
// for it: what we know beyond the code, or the code's own description. It is
// nil for nil. The text of an error of the disk or of a bug stays in our log.
func message(err error) *string {
	if err == nil {
		return nil
	}
	k, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return &kerr.UnknownServerError.Description
	}
	if k == kerr.KafkaStorageError { // paths of our disk are nobody's business
		return &k.Description
	}
	before, after, _ := strings.Cut(err.Error(), k.Error())
	text := strings.Trim(before, ": ")
	if after = strings.Trim(after, ": "); text != "" && after != "" {
		text += ": "
	}
	if text += after; text == "" {
		text = k.Description
	}
	return &text
}
