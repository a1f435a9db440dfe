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

// Failed gives an error of a node to the handler, unless it has been through it.
func (e *Env) Failed(node string, err error) error {
	if settled(err) {
		return err
	}
	return e.Runtime.Failed(node, err)
}

// Recovered turns the value of recover into what Failed says of it.
func (e *Env) Recovered(node string, value any) error {
	if err, ok := value.(error); ok && settled(err) {
		return err
	}
	return e.Runtime.Failed(node, &PanicError{Value: value, Stack: debug.Stack()})
}
