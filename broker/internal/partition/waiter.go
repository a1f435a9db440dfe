package partition

// Mark is how far a read saw: waiting from it counts every byte that became visible since.
type Mark struct {
	visible    int64
	generation uint32
	more       bool
}

// Waiter is one long-poll fetch over any number of partitions. Use: read all partitions; if too little came, make a
// Waiter, Watch each partition with the Mark of its read, and read again when wake is called or the time is up, after Stop.
type Waiter struct {
	wake func()
}

// NewWaiter calls wake once when minBytes more have become visible on the watched partitions, or when something
// happened that the fetch must answer to (leadership, epoch, truncation, deletion). minBytes is what is still
// missing. wake is called at most once, from any goroutine, possibly inside Watch; it must not block.
func NewWaiter(minBytes int64, wake func()) *Waiter { return &Waiter{wake: wake} }

// Watch adds a partition. What became visible since the mark counts at once, so nothing is missed between read and
// Watch.
func (w *Waiter) Watch(p *Partition, m Mark, iso Isolation) {}

// Stop leaves all partitions. After it wake is not called any more (a call under way may still end). It may be called
// several times.
func (w *Waiter) Stop() {}
