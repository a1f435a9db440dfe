package function

import (
	"time"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Param is a parameter of a function.
type Param struct {
	Name string
	Type types.Type // may hold types.Generic, types.Any, types.AnyDecimal, types.Lambda, types.IntervalUnit
	// Variadic repeats the parameter, zero times or more.
	Variadic bool
	Doc      string
}

// Eval evaluates a function on one row. The arguments have the types of the call's Args; the slice is reused by the caller.
type Eval func(args []types.Value) (types.Value, error)

// Env is what functions may know of the world around the query.
type Env struct {
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// Limit is the largest number of elements of COLLECT_LIST, COLLECT_SET and other collections by upper-case function
	// name; missing means 1000.
	Limit map[string]int
}

func (e Env) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// Binding is what a row gets to make its Eval.
type Binding struct {
	Args []types.Type // as the arguments will come
	Type types.Type   // of the result
	Env  Env
}

// Scalar is one overload of a scalar function.
type Scalar struct {
	Name     string // lower case as in messages; looked up in any case
	Category string
	Doc      string
	Args     []Param
	Type     types.Type
	// TypeOf computes the result type from the arguments' types where Type cannot say it; nil for the others.
	TypeOf func(args []types.Type) (types.Type, error)
	// Nulls says that Eval wants to see NULL arguments. Otherwise a NULL argument gives NULL without a call.
	Nulls bool
	// Volatile functions give another result on each call and are not folded.
	Volatile bool
	// Eval evaluates; Bind makes an Eval for functions that depend on types or the world. One of them is set.
	Eval Eval
	Bind func(Binding) (Eval, error)
}

// Aggregate is an aggregate function bound to its arguments. All values are immutable: Add and Undo return the new state.
// Undo is nil for functions that cannot be used on tables, Merge for those that cannot be used in session windows.
type Aggregate struct {
	Name        string
	Args        []types.Type
	State, Type types.Type
	Doc         string
	Init        func() types.Value
	Add, Undo   func(state types.Value, args []types.Value) (types.Value, error)
	Merge       func(a, b types.Value) (types.Value, error)
	Result      func(state types.Value) (types.Value, error)
}

// AggregateDef is one overload of an aggregate function in the registry.
type AggregateDef struct {
	Name string // upper case
	Doc  string
	Args []Param // the columns
	Init []Param // constants after the columns
	Type types.Type
	// Tables says that the function has an undo.
	Tables bool
	// Bind makes the aggregate for argument types and the values of the constants.
	Bind func(b Binding, init []types.Value) (Aggregate, error)
}

// TableFunc is one overload of a table function: it turns a row into any number of rows.
type TableFunc struct {
	Name   string
	Doc    string
	Args   []Param
	Type   types.Type // of each result
	TypeOf func(args []types.Type) (types.Type, error)
	Eval   func(args []types.Value) ([]types.Value, error)
}

// Arg is an argument of a call as the analyser sees it.
type Arg struct {
	Type types.Type
	// Const is the value of a literal, nil for other expressions.
	Const *types.Value
	// Text is the expression as error messages show it.
	Text string
	// Lambda types the body of a lambda for given parameter types; nil for other arguments.
	Lambda func(params []types.Type) (types.Type, error)
	// LambdaParams is the number of parameters of a lambda.
	LambdaParams int
}

// ScalarCall is a resolved call of a scalar function.
type ScalarCall struct {
	Def *Scalar
	// Args are the types that the arguments must be cast to; a lambda's is types.Lambda with its parameters and result.
	Args []types.Type
	Type types.Type
}

// Bind returns the function to evaluate. It handles NULL arguments.
func (c *ScalarCall) Bind(env Env) (Eval, error) {
	eval := c.Def.Eval
	if c.Def.Bind != nil {
		var err error
		if eval, err = c.Def.Bind(Binding{Args: c.Args, Type: c.Type, Env: env}); err != nil {
			return nil, err
		}
	}
	if c.Def.Nulls {
		return eval, nil
	}
	return func(args []types.Value) (types.Value, error) {
		for i := range args {
			if args[i].IsNull() {
				return types.Null, nil
			}
		}
		return eval(args)
	}, nil
}

// AggregateCall is a resolved call of an aggregate function.
type AggregateCall struct {
	Def  *AggregateDef
	Args []types.Type // of the columns; constants follow the columns in the call and are not evaluated
	Type types.Type
	Init []types.Value
}

// Bind returns the aggregate to run.
func (c *AggregateCall) Bind(env Env) (Aggregate, error) {
	return c.Def.Bind(Binding{Args: c.Args, Type: c.Type, Env: env}, c.Init)
}

// TableCall is a resolved call of a table function.
type TableCall struct {
	Def  *TableFunc
	Args []types.Type
	Type types.Type
}

// Class says what kind of function a name has.
type Class uint8

// The kinds of functions.
const (
	ScalarFunction Class = iota + 1
	AggregateFunction
	TableFunction
)

var classNames = [...]string{"", "SCALAR", "AGGREGATE", "TABLE"}

// String returns the kind as SHOW FUNCTIONS names it.
func (c Class) String() string { return classNames[c] }
