package function

// ResolveScalar picks the overload of a scalar function for the arguments.
func (r *Registry) ResolveScalar(name string, args []Arg) (*ScalarCall, error) {
	return nil, r.UnknownError(name)
}

// ResolveAggregate picks the overload of an aggregate function for the arguments, constants included.
func (r *Registry) ResolveAggregate(name string, args []Arg) (*AggregateCall, error) {
	return nil, r.UnknownError(name)
}

// ResolveTable picks the overload of a table function for the arguments.
func (r *Registry) ResolveTable(name string, args []Arg) (*TableCall, error) {
	return nil, r.UnknownError(name)
}
