package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/internal/runtime"
	"github.com/chortal/chortal/streams/serde"
)

// ErrStoreNotReady is returned by queries while the tasks of a store are being restored or moved, and if this instance has
// none of them.
var ErrStoreNotReady = runtime.ErrStoreNotReady

// errStoreType is returned for a store that is not of the type asked for.
var errStoreType = errors.New("store is of another type")

// pageRows is how many rows a query reads before the task that owns the store goes on with its work.
const pageRows = 500

// keyValueReader is what a query needs of a key-value store.
type keyValueReader[K, V any] interface {
	Get(key K) (v V, ts int64, ok bool, err error)
	Range(from, to *K, order statestore.Order) iter.Seq2[statestore.KeyValueEntry[K, V], error]
	RangeAfter(after K, to *K) iter.Seq2[statestore.KeyValueEntry[K, V], error]
}

// windowReader is what a query needs of a window store.
type windowReader[K, V any] interface {
	Get(key K, start int64) (v V, ts int64, ok bool, err error)
	Fetch(key K, from, to int64, order statestore.Order) iter.Seq2[statestore.WindowEntry[K, V], error]
	FetchKeys(low, high *K, from, to int64, order statestore.Order) iter.Seq2[statestore.WindowEntry[K, V], error]
}

// Get returns the value of key in a table with a named store, as far as this instance has it.
func Get[K, V any](ctx context.Context, a *App, t *Table[K, V], key K) (v V, ok bool, err error) {
	v, _, ok, err = StoreGet[K, V](ctx, a, t.store, key)
	return v, ok, err
}

// Range walks the entries from <= key <= to of a table with a named store, as far as this instance has it; nil means no
// bound. The order is that of the encoded keys, one partition after the other.
func Range[K, V any](ctx context.Context, a *App, t *Table[K, V], from, to *K) iter.Seq2[statestore.KeyValueEntry[K, V], error] {
	return StoreRange[K, V](ctx, a, t.store, from, to)
}

// Query walks the windows that begin between from and to, both included, of a windowed table with a named store, as far as
// this instance has it. It ends early if the store is not ready; StoreFetchAll says why.
func Query[K, V any](a *App, t *Table[Windowed[K], V], from, to time.Time) iter.Seq2[Windowed[K], V] {
	return func(yield func(Windowed[K], V) bool) {
		for row, err := range StoreFetchAll[K, V](context.Background(), a, t.store, nil, nil, from.UnixMilli(), to.UnixMilli()) {
			if err != nil || !yield(windowOf(t.key, row.Key, row.Start), row.Value) {
				return
			}
		}
	}
}

// Fetch walks the windows of key that begin between from and to, both included, of a windowed table with a named store, as
// far as this instance has it.
func Fetch[K, V any](ctx context.Context, a *App, t *Table[Windowed[K], V], key K, from, to time.Time) iter.Seq2[statestore.WindowEntry[K, V], error] {
	return StoreFetch[K, V](ctx, a, t.store, key, from.UnixMilli(), to.UnixMilli())
}

// windowOf returns the window of a key that begins at start. Its end comes from the key's serde, which knows the size.
func windowOf[K any](s serde.Serde[Windowed[K]], key K, start int64) Windowed[K] {
	w := Windowed[K]{Key: key, Start: start}
	b, err := s.Append(nil, w)
	if err != nil {
		return w
	}
	if full, err := s.Decode(b); err == nil {
		w.End = full.End
	}
	return w
}

// StoreGet returns the value of key in a key-value store of this instance, and its timestamp. It reads between two records
// of the task that owns the store, so it sees what that task has processed.
func StoreGet[K, V any](ctx context.Context, a *App, store string, key K) (v V, ts int64, ok bool, err error) {
	err = a.runtime.Query(ctx, store, func(s statestore.Store) error {
		r, is := s.(keyValueReader[K, V])
		if !is {
			return fmt.Errorf("query store %s: %w: %T", store, errStoreType, s)
		}
		if ok {
			return nil // another partition has it
		}
		var err error
		v, ts, ok, err = r.Get(key)
		return err
	})
	return v, ts, ok, err
}

// StoreRange walks the entries from <= key <= to of a key-value store of this instance, one partition after the other, in
// the order of the encoded keys within each; nil means no bound. Rows are read in pages; each page is one state of the
// store.
func StoreRange[K, V any](ctx context.Context, a *App, store string, from, to *K) iter.Seq2[statestore.KeyValueEntry[K, V], error] {
	read := func(s statestore.Store, after *statestore.KeyValueEntry[K, V]) (iter.Seq2[statestore.KeyValueEntry[K, V], error], error) {
		r, is := s.(keyValueReader[K, V])
		if !is {
			return nil, fmt.Errorf("query store %s: %w: %T", store, errStoreType, s)
		}
		if after == nil {
			return r.Range(from, to, statestore.Ascending), nil
		}
		return r.RangeAfter(after.Key, to), nil
	}
	return pages(ctx, a, store, read)
}

// StoreFetch walks the windows of key with from <= start <= to (milliseconds) in a window store of this instance.
func StoreFetch[K, V any](ctx context.Context, a *App, store string, key K, from, to int64) iter.Seq2[statestore.WindowEntry[K, V], error] {
	read := func(s statestore.Store, after *statestore.WindowEntry[K, V]) (iter.Seq2[statestore.WindowEntry[K, V], error], error) {
		r, is := s.(windowReader[K, V])
		if !is {
			return nil, fmt.Errorf("query store %s: %w: %T", store, errStoreType, s)
		}
		low := from
		if after != nil {
			low = after.Start + 1
		}
		return r.Fetch(key, low, to, statestore.Ascending), nil
	}
	return pages(ctx, a, store, read)
}

// StoreFetchAll walks the windows with from <= start <= to of the keys low <= key <= high (as encoded; nil means no bound)
// in a window store of this instance. All rows of a partition are of one state of the store.
func StoreFetchAll[K, V any](ctx context.Context, a *App, store string, low, high *K, from, to int64) iter.Seq2[statestore.WindowEntry[K, V], error] {
	return func(yield func(statestore.WindowEntry[K, V], error) bool) {
		var rows []statestore.WindowEntry[K, V]
		err := a.runtime.Query(ctx, store, func(s statestore.Store) error {
			r, is := s.(windowReader[K, V])
			if !is {
				return fmt.Errorf("query store %s: %w: %T", store, errStoreType, s)
			}
			for row, err := range r.FetchKeys(low, high, from, to, statestore.Ascending) {
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			return nil
		})
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(statestore.WindowEntry[K, V]{}, err)
		}
	}
}

// pages walks the rows of all partitions of a store. read is called by the task that owns a partition and gives the rows
// behind the last one of the page before.
func pages[R any](ctx context.Context, a *App, store string, read func(s statestore.Store, after *R) (iter.Seq2[R, error], error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		partitions, err := a.runtime.StorePartitions(store)
		if err != nil {
			yield(zero, err)
			return
		}
		for _, partition := range partitions {
			var after *R
			for {
				page := make([]R, 0, pageRows)
				err := a.runtime.QueryPartition(ctx, store, partition, func(s statestore.Store) error {
					rows, err := read(s, after)
					if err != nil {
						return err
					}
					for row, err := range rows {
						if err != nil {
							return err
						}
						if page = append(page, row); len(page) == pageRows {
							break
						}
					}
					return nil
				})
				if err != nil {
					yield(zero, err)
					return
				}
				for _, row := range page {
					if !yield(row, nil) {
						return
					}
				}
				if len(page) < pageRows {
					break
				}
				after = &page[len(page)-1]
			}
		}
	}
}

// StorePartitions returns the partitions of a store that this instance has, in order.
func StorePartitions(a *App, store string) ([]int32, error) { return a.runtime.StorePartitions(store) }
