package handler

import (
	"context"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
)

// Reports are those of all groups whose partition is loaded. ctx bounds the wait for the coordinators.
func (g *Groups) Reports(ctx context.Context) []group.Report {
	type answer = []group.Report
	done := make(chan answer, 1)
	askAll(int(g.runtime.Partitions()), func(i int, done func(answer, error)) {
		askPartition(g, int32(i), func(m *group.Machine, _ time.Time, _ *coordinator.Out, reply group.Reply[answer]) {
			reply(m.Reports(), nil)
		}, done)
	}, func(answers []answer, _ []error) {
		var all answer
		for _, a := range answers {
			all = append(all, a...)
		}
		done <- all
	})
	select {
	case all := <-done:
		return all
	case <-ctx.Done():
		return nil
	}
}

// Loading is the number of partitions of the coordinator that are not read yet, and that of all.
func (g *Groups) Loading() (loading, all int) {
	return g.runtime.Loading(), int(g.runtime.Partitions())
}

// Loading is the number of partitions of the coordinator that are not read yet, and that of all.
func (x *Txns) Loading() (loading, all int) {
	return x.runtime.Loading(), int(x.runtime.Partitions())
}
