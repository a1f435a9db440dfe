package coordinator

import "time"

// Observer is told what a runtime does, for metrics. Functions that are nil are not
// called. They are called by many goroutines and must not block.
type Observer struct {
	// Step is called after each step, with how long it waited for its turn and how long
	// it ran. The answer may still wait for the log.
	Step func(queued, ran time.Duration)
	// Appended is called when a batch is committed, with its records and how long that
	// took.
	Appended func(records int, took time.Duration)
	// Loaded is called when a partition was read, with its records and how long that took.
	Loaded func(records int, took time.Duration)
	// Failed is called when a partition broke, and is read again.
	Failed func()
}

func (o *Observer) step(queued, ran time.Duration) {
	if o.Step != nil {
		o.Step(queued, ran)
	}
}

func (o *Observer) appended(records int, took time.Duration) {
	if o.Appended != nil {
		o.Appended(records, took)
	}
}

func (o *Observer) loaded(records int, took time.Duration) {
	if o.Loaded != nil {
		o.Loaded(records, took)
	}
}

func (o *Observer) failed() {
	if o.Failed != nil {
		o.Failed()
	}
}

// States are the states that a partition of a coordinator can be in.
var States = [...]string{"unloaded", "loading", "active", "failed"}

// Stats is what a runtime's partitions are at.
type Stats struct {
	// Partitions counts them by the index of their state in [States].
	Partitions [len(States)]int
	// Queued is how many steps wait.
	Queued int
}

// Stats looks at all partitions.
func (r *Runtime[M]) Stats() Stats {
	var all Stats
	for _, s := range r.shards {
		state, queued := s.stats()
		all.Partitions[state]++
		all.Queued += queued
	}
	return all
}

func (s *shard[M]) stats() (state, queued int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queued = len(s.inbox.steps)
	switch {
	case s.phase == active, s.phase == closing:
		return 2, queued
	case !s.pauseTo.IsZero():
		return 3, queued
	case s.running:
		return 1, queued
	}
	return 0, queued
}
