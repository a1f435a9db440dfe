package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chortal/chortal/statestore"
)

var (
	// ErrStoreNotReady says that a task that has a part of a store is not running here now.
	ErrStoreNotReady = errors.New("store is not ready")
	// errNoStore says that no task has a store of that name.
	errNoStore = errors.New("topology has no such store")
)

// StorePartitions returns the partitions of a store that this instance has, in order.
func (rt *Runtime) StorePartitions(store string) ([]int32, error) {
	workers, err := rt.storeWorkers(store)
	if err != nil {
		return nil, err
	}
	var partitions []int32
	for _, w := range workers {
		partitions = append(partitions, w.id.Partition)
	}
	return partitions, nil
}

// Query calls fn with each partition of a store that this instance has, one after the other, in the goroutine of the task
// that owns it. fn must not keep the store.
func (rt *Runtime) Query(ctx context.Context, store string, fn func(statestore.Store) error) error {
	workers, err := rt.storeWorkers(store)
	if err != nil {
		return err
	}
	for _, w := range workers {
		if err := w.query(ctx, store, fn); err != nil {
			return err
		}
	}
	return nil
}

// QueryPartition is Query for one partition.
func (rt *Runtime) QueryPartition(ctx context.Context, store string, partition int32, fn func(statestore.Store) error) error {
	workers, err := rt.storeWorkers(store)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(workers, func(w *worker) bool { return w.id.Partition == partition })
	if i < 0 {
		return fmt.Errorf("query partition %d of store %s: %w", partition, store, ErrStoreNotReady)
	}
	return workers[i].query(ctx, store, fn)
}

// storeWorkers returns the running workers that have a part of a store, by partition.
func (rt *Runtime) storeWorkers(store string) ([]*worker, error) {
	id := -1
	for _, s := range rt.plan.Subtopologies {
		for _, info := range s.Stores {
			if info.Spec.Name == store {
				id = s.ID
			}
		}
	}
	if id < 0 {
		return nil, fmt.Errorf("query store %s: %w", store, errNoStore)
	}
	var found []*worker
	for _, w := range rt.active() {
		if w.id.Subtopology != id {
			continue
		}
		if workerState(w.state.Load()) != running {
			return nil, fmt.Errorf("query store %s: task %v: %w", store, w.id, ErrStoreNotReady)
		}
		found = append(found, w)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("query store %s: no task of it is here: %w", store, ErrStoreNotReady)
	}
	return found, nil
}

// query calls fn between two batches of records.
func (w *worker) query(ctx context.Context, store string, fn func(statestore.Store) error) error {
	answer := make(chan error, 1)
	err := w.do(ctx, func() error {
		answer <- fn(w.task.Store(store))
		return nil
	})
	if errors.Is(err, errWorkerEnded) {
		return fmt.Errorf("query store %s: %w", store, ErrStoreNotReady)
	}
	if err != nil {
		return err
	}
	return <-answer
}

// setStoreBytes changes the budgets of the worker's stores.
func (w *worker) setStoreBytes(n int64) {
	go func() {
		_ = w.do(w.rt.workCtx, func() error { // a worker that has ended needs no budget
			for _, s := range w.sub.Stores {
				if store := w.task.Store(s.Spec.Name); store != nil {
					store.SetMaxBytes(n)
				}
			}
			return nil
		})
	}()
}
