package statestore

// table is the write-behind cache of decoded values over an engine, common to all typed stores.
type table[K, V any] struct{}

func (t *table[K, V]) Name() string                              { panic("api") }
func (t *table[K, V]) Caching() bool                             { panic("api") }
func (t *table[K, V]) Logging() bool                             { panic("api") }
func (t *table[K, V]) Flush() error                              { panic("api") }
func (t *table[K, V]) Prepare(b *Batch) error                    { panic("api") }
func (t *table[K, V]) Applied() error                            { panic("api") }
func (t *table[K, V]) Restore(b *Batch, r ChangelogRecord) error { panic("api") }
func (t *table[K, V]) UncommittedBytes() int64                   { panic("api") }
func (t *table[K, V]) MemoryBytes() int64                        { panic("api") }
func (t *table[K, V]) SetMaxBytes(n int64)                       { panic("api") }
func (t *table[K, V]) Close() error                              { panic("api") }

var (
	_ Store = (*KeyValue[string, int])(nil)
	_ Store = (*Window[string, int])(nil)
)
