package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/internal/runtime"
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
}

// windowReader is what a query needs of a window store.
type windowReader[K, V any] interface {
	Get(key K, start int64) (v V, ts int64, ok bool, err error)
	Fetch(key K, from, to int64, order statestore.Order) iter.Seq2[statestore.WindowEntry[K, V], error]
	FetchKeys(low, high *K, from, to int64, order statestore.Order) iter.Seq2[statestore.WindowEntry[K, V], error]
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
		return skipFirst(r.Range(&after.Key, to, statestore.Ascending)), nil
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

// skipFirst drops the first row, the last one of the page before. If that row was deleted since, one row too many would be
// dropped: so it is dropped only if the key is the same; see StoreRange, whose bound it is.
func skipFirst[R any](rows iter.Seq2[R, error]) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		first := true
		for row, err := range rows {
			if first && err == nil {
				first = false
				continue
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
