package recordbatch

import "errors"

// Errors of this package wrap one of these, so that callers can map them to a protocol error.
var (
	// ErrCorrupt: truncated, wrong CRC or length, records that do not parse (CORRUPT_MESSAGE).
	ErrCorrupt = errors.New("corrupt record batch")
	// ErrInvalid: well-formed, but breaks a rule, such as a wrong count (INVALID_RECORD).
	ErrInvalid = errors.New("invalid record batch")
	// ErrMagic: a record format other than 2 (UNSUPPORTED_FOR_MESSAGE_FORMAT).
	ErrMagic = errors.New("unsupported record format")
	// ErrCodec: a codec number that does not exist (UNSUPPORTED_COMPRESSION_TYPE).
	ErrCodec = errors.New("unsupported compression codec")
	// ErrTooLarge: the records decompress to more than the limit (MESSAGE_TOO_LARGE).
	ErrTooLarge = errors.New("decompressed records exceed the limit")
)
