package coordinator_test

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
)

// BenchmarkWrites measures steps with one record each, from several goroutines, over a
// log in memory that commits at once: the cost of the runtime itself.
func BenchmarkWrites(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			rt := coordinator.New(coordinator.Config[*registers]{
				Name: "topic", Topic: newTopic(), Partitions: 1, New: newRegisters,
				Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			})
			r := record("key", "a value of some length")
			b.ReportAllocs()
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					done := make(chan error)
					for range b.N / clients {
						rt.Do("", coordinator.Step[*registers]{
							Run: func(_ *registers, _ time.Time, out *coordinator.Out) {
								out.Write(r)
								out.Answer(func(err error) { done <- err })
							},
							Refuse: func(err error) { done <- err },
						})
						if err := <-done; err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
