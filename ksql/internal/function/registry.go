package function

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Registry holds functions by name. It is filled before it is used and then read by any number of goroutines.
type Registry struct {
	scalars    map[string][]*Scalar
	aggregates map[string][]*AggregateDef
	tables     map[string][]*TableFunc
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		scalars:    make(map[string][]*Scalar),
		aggregates: make(map[string][]*AggregateDef),
		tables:     make(map[string][]*TableFunc),
	}
}

// Builtins returns a registry with all built-in functions.
func Builtins() *Registry {
	r := NewRegistry()
	for _, family := range [][]Scalar{
		stringFunctions(), mathFunctions(), dateFunctions(), conditionalFunctions(), regexFunctions(), arrayFunctions(),
		mapFunctions(), lambdaFunctions(), jsonFunctions(), urlFunctions(), bytesFunctions(),
		maskFunctions(), otherFunctions(),
	} {
		r.AddScalars(family...)
	}
	r.AddAggregates(aggregates()...)
	r.AddTables(tableFunctions()...)
	return r
}

// AddScalars adds overloads of scalar functions.
func (r *Registry) AddScalars(list ...Scalar) {
	for i := range list {
		name := strings.ToUpper(list[i].Name)
		r.scalars[name] = append(r.scalars[name], &list[i])
	}
}

// AddAggregates adds overloads of aggregate functions.
func (r *Registry) AddAggregates(list ...AggregateDef) {
	for i := range list {
		name := strings.ToUpper(list[i].Name)
		r.aggregates[name] = append(r.aggregates[name], &list[i])
	}
}

// AddTables adds overloads of table functions.
func (r *Registry) AddTables(list ...TableFunc) {
	for i := range list {
		name := strings.ToUpper(list[i].Name)
		r.tables[name] = append(r.tables[name], &list[i])
	}
}

// Class returns the kind of the function of that name, in any case; ok is false if there is none.
func (r *Registry) Class(name string) (c Class, ok bool) {
	name = strings.ToUpper(name)
	switch {
	case r.scalars[name] != nil:
		return ScalarFunction, true
	case r.aggregates[name] != nil:
		return AggregateFunction, true
	case r.tables[name] != nil:
		return TableFunction, true
	}
	return 0, false
}

// Names returns all names in upper case, sorted.
func (r *Registry) Names() []string {
	names := slices.Collect(maps.Keys(r.scalars))
	names = slices.AppendSeq(names, maps.Keys(r.aggregates))
	names = slices.AppendSeq(names, maps.Keys(r.tables))
	slices.Sort(names)
	return slices.Compact(names)
}

// UnknownError is the error of a call of a function that does not exist.
func (r *Registry) UnknownError(name string) error {
	return fmt.Errorf("Can't find any functions with the name '%s'", name)
}

// Description documents a function.
type Description struct {
	Name      string
	Class     Class
	Category  string
	Doc       string
	Overloads []Overload
}

// Overload documents one overload of a function.
type Overload struct {
	Signature string // such as SUBSTRING(value STRING, pos INTEGER)
	Args      []Param
	Type      string
	Doc       string
}

// Describe returns the documentation of a function; ok is false if there is none.
func (r *Registry) Describe(name string) (d Description, ok bool) {
	name = strings.ToUpper(name)
	class, ok := r.Class(name)
	if !ok {
		return d, false
	}
	d = Description{Name: name, Class: class}
	add := func(doc string, args []Param, t types.Type, computed bool) {
		if d.Doc == "" {
			d.Doc = doc
		}
		result := t.String()
		if computed && t.Kind() == types.KindNull {
			result = "computed from the arguments"
		}
		d.Overloads = append(d.Overloads, Overload{signature(name, args), args, result, doc})
	}
	for _, s := range r.scalars[name] {
		d.Category = s.Category
		add(s.Doc, s.Args, s.Type, s.TypeOf != nil)
	}
	for _, a := range r.aggregates[name] {
		d.Category = "AGGREGATE"
		add(a.Doc, slices.Concat(a.Args, a.Init), a.Type, true)
	}
	for _, t := range r.tables[name] {
		d.Category = "TABLE"
		add(t.Doc, t.Args, t.Type, t.TypeOf != nil)
	}
	return d, true
}

// signature writes name(TYPE param, ...) as error messages list alternatives.
func signature(name string, args []Param) string {
	parts := make([]string, len(args))
	for i, p := range args {
		parts[i] = p.Type.String()
		if p.Variadic {
			parts[i] += "..."
		}
		if p.Name != "" {
			parts[i] += " " + p.Name
		}
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
