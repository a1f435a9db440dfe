package processor

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ProcessingError ends a task: a node failed, and the processing exception handler said so. Errors of this type pass
// through all nodes above it.
type ProcessingError struct {
	Node string
	Meta RecordMetadata
	Err  error
}

// Error implements error.
func (e *ProcessingError) Error() string {
	return fmt.Sprintf("process %s-%d@%d in node %s: %v", e.Meta.Topic, e.Meta.Partition, e.Meta.Offset, e.Node, e.Err)
}

// Unwrap returns the cause.
func (e *ProcessingError) Unwrap() error { return e.Err }

// FatalError ends a task without asking any handler: the producer or a store broke.
type FatalError struct{ Err error }

// Error implements error.
func (e *FatalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FatalError) Unwrap() error { return e.Err }

// PanicError is a panic of user code, turned into an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// settled says that an error has been through a handler already.
func settled(err error) bool {
	switch err.(type) {
	case *ProcessingError, *FatalError:
		return true
	}
	var p *ProcessingError
	var f *FatalError
	return errors.As(err, &p) || errors.As(err, &f)
}

// failed gives an error of a node to the handler, unless it has been through it. ts and headers are those of the record.
func (e *Env) failed(node string, ts int64, headers Headers, err error) error {
	if settled(err) {
		return err
	}
	before, beforeHeaders := e.Timestamp, e.Headers
	e.Timestamp, e.Headers = ts, headers
	err = e.Runtime.Failed(node, err)
	e.Timestamp, e.Headers = before, beforeHeaders
	return err
}

// Failed gives an error of a node to the handler, unless it has been through it.
func (e *Env) Failed(node string, err error) error {
	return e.failed(node, e.Timestamp, e.Headers, err)
}

// Recovered turns the value of recover into an error for Failed.
func Recovered(value any) error {
	if err, ok := value.(error); ok && settled(err) {
		return err
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}
