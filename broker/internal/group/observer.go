package group

// Observer is told of what happens in groups, for metrics. Functions that are nil are
// not called; they must not block.
type Observer struct {
	// Rebalance is called when a group begins one.
	Rebalance func(kind Kind)
	// Completed is called when a rebalance of the classic protocol has ended in a
	// generation.
	Completed func()
	// Commits is called with the number of offsets that a request committed.
	Commits func(n int)
	// Expired is called with the number of offsets that nobody needed any more, Deleted
	// with that of offsets that were deleted otherwise.
	Expired, Deleted func(n int)
}

func (o *Observer) rebalance(kind Kind) {
	if o.Rebalance != nil {
		o.Rebalance(kind)
	}
}

func (o *Observer) completed() {
	if o.Completed != nil {
		o.Completed()
	}
}

func (o *Observer) commits(n int) { call(o.Commits, n) }
func (o *Observer) expired(n int) { call(o.Expired, n) }
func (o *Observer) deleted(n int) { call(o.Deleted, n) }

func call(f func(int), n int) {
	if f != nil && n > 0 {
		f(n)
	}
}
