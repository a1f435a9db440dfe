package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/internal/recordbatch"
)

// registers is a machine of named values, with a clock that sets one of them, parked
// readers and transactions.
type registers struct {
	values  map[string]string
	pending map[int64]map[string]string
	parked  []func(error)
	alarm   time.Time
	loaded  bool
}

func newRegisters(int32) *registers {
	return &registers{values: map[string]string{}, pending: map[int64]map[string]string{}}
}

func (m *registers) Replay(r coordinator.Record) error {
	if len(r.Key) == 0 {
		return errors.New("no key")
	}
	if r.Value == nil {
		delete(m.values, string(r.Key))
		return nil
	}
	m.values[string(r.Key)] = string(r.Value)
	return nil
}

func (m *registers) ReplayPending(p coordinator.Producer, r coordinator.Record) error {
	if m.pending[p.ID] == nil {
		m.pending[p.ID] = map[string]string{}
	}
	m.pending[p.ID][string(r.Key)] = string(r.Value)
	return nil
}

func (m *registers) ReplayMarker(p coordinator.Producer, commit bool) error {
	if commit {
		maps.Copy(m.values, m.pending[p.ID])
	}
	delete(m.pending, p.ID)
	return nil
}

func (m *registers) Loaded(time.Time, *coordinator.Out) { m.loaded = true }

func (m *registers) Expire(now time.Time, out *coordinator.Out) {
	if m.alarm.IsZero() || m.alarm.After(now) {
		return
	}
	m.alarm = time.Time{}
	out.Write(record("alarm", "rang"))
	for _, f := range m.parked {
		out.Answer(f)
	}
	m.parked = nil
}

func (m *registers) Deadline() time.Time { return m.alarm }
func (m *registers) Len() int            { return len(m.values) }

func (m *registers) Snapshot() ([]coordinator.Record, bool) {
	var records []coordinator.Record
	for _, k := range slices.Sorted(maps.Keys(m.values)) {
		records = append(records, record(k, m.values[k]))
	}
	return records, len(m.pending) == 0
}

func (m *registers) Unload(err error) {
	for _, f := range m.parked {
		f(err)
	}
	m.parked = nil
}

func record(key, value string) coordinator.Record {
	return coordinator.Record{Key: []byte(key), Value: []byte(value)}
}

// world runs a runtime of registers within a synctest bubble.
type world struct {
	t     *testing.T
	topic *memTopic
	rt    *coordinator.Runtime[*registers]
	stop  func()

	mu  sync.Mutex
	log []string // what was answered, in order
}

func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, topic: newTopic()}
		w.start(nil)
		f(w)
		w.stop()
	})
}

func (w *world) start(change func(*coordinator.Config[*registers])) {
	cfg := coordinator.Config[*registers]{
		Name: "topic", Topic: w.topic, Partitions: 1, New: newRegisters,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	w.rt = coordinator.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.rt.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) do(f func(m *registers, now time.Time, out *coordinator.Out)) {
	w.rt.Do("", coordinator.Step[*registers]{Run: f, Refuse: func(err error) { w.note("refused", err) }})
}

func (w *world) note(what string, err error) {
	if ke, ok := errors.AsType[*kerr.Error](err); ok {
		what += " " + ke.Message
	} else if err != nil {
		what += " " + err.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, what)
}

func (w *world) set(key, value string) {
	w.do(func(_ *registers, _ time.Time, out *coordinator.Out) {
		out.Write(record(key, value))
		out.Answer(func(err error) { w.note("set "+key, err) })
	})
}

func (w *world) get(key string) {
	w.do(func(m *registers, _ time.Time, out *coordinator.Out) {
		v := m.values[key]
		out.Answer(func(err error) { w.note(key+"="+v, err) })
	})
}

// said checks, and forgets, what was answered.
func (w *world) said(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.log, want) {
		w.t.Errorf("answers:\n%s\nwant:\n%s", strings.Join(w.log, "\n"), strings.Join(want, "\n"))
	}
	w.log = nil
}

func TestAnswersWaitForTheCommit(t *testing.T) {
	inWorld(t, func(w *world) {
		w.topic.delay = time.Second
		w.get("a")
		w.said("a=") // nothing was written: nothing to wait for
		w.set("a", "1")
		w.get("a")
		w.said()
		time.Sleep(time.Second)
		w.said("set a", "a=1")
	})
}

func TestStepsOfOneFlightAreOneBatch(t *testing.T) {
	inWorld(t, func(w *world) {
		w.topic.delay = time.Second
		w.set("first", "1")
		synctest.Wait()
		for i := range 10 {
			w.set(fmt.Sprint(i), "x")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := w.topic.log(0).numBatches(); n != 2 || len(w.log) != 11 {
			t.Errorf("%d batches, %d answers, want 2 and 11", n, len(w.log))
		}
	})
}

func TestRestartReplays(t *testing.T) {
	inWorld(t, func(w *world) {
		w.set("a", "1")
		w.set("a", "2")
		w.set("b", "3")
		w.do(func(_ *registers, _ time.Time, out *coordinator.Out) {
			out.Write(coordinator.Record{Key: []byte("b")})
		})
		w.said("set a", "set a", "set b")
		w.stop()
		w.set("a", "late")
		w.said("refused NOT_COORDINATOR")
		w.start(nil)
		w.get("a")
		w.get("b")
		w.said("a=2", "b=")
	})
}

func TestCloseWaitsForAppends(t *testing.T) {
	inWorld(t, func(w *world) {
		w.topic.delay = time.Second
		w.set("a", "1")
		synctest.Wait()
		w.set("b", "2")
		w.do(func(m *registers, _ time.Time, _ *coordinator.Out) {
			m.parked = append(m.parked, func(err error) { w.note("parked", err) })
		})
		synctest.Wait()
		w.stop()
		w.said("set a", "set b", "parked NOT_COORDINATOR")
		w.start(nil)
	})
}

func TestSlowAppendsAreNotWaitedFor(t *testing.T) {
	inWorld(t, func(w *world) {
		w.topic.delay = 12 * time.Second
		w.set("a", "1")
		synctest.Wait()
		time.Sleep(3 * time.Second)
		w.set("b", "2") // behind the first: it is not under way yet
		w.get("a")
		time.Sleep(2 * time.Second)
		w.said("set a COORDINATOR_NOT_AVAILABLE")
		time.Sleep(3 * time.Second)
		w.said("set b COORDINATOR_NOT_AVAILABLE", "a=1 COORDINATOR_NOT_AVAILABLE")
		time.Sleep(20 * time.Second)
		synctest.Wait() // for the append of b, which reads the delay
		w.topic.delay = 0
		w.get("b") // it has come through all the same
		w.said("b=2")
	})
}

func TestObserver(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		var steps, appended, loaded, failed int
		var waited time.Duration
		w.start(func(c *coordinator.Config[*registers]) {
			c.Codec = recordbatch.LZ4
			c.Observer = &coordinator.Observer{
				Step:     func(time.Duration, time.Duration) { steps++ },
				Appended: func(n int, took time.Duration) { appended, waited = appended+n, waited+took },
				Loaded:   func(n int, _ time.Duration) { loaded += n },
				Failed:   func() { failed++ },
			}
		})
		w.topic.delay = time.Second
		w.set("a", strings.Repeat("1", 1000))
		time.Sleep(2 * time.Second)
		w.said("set a")
		want := coordinator.Stats{Partitions: [len(coordinator.States)]int{2: 1}}
		if got := w.rt.Stats(); got != want {
			t.Errorf("stats %v, want %v", got, want)
		}
		w.do(func(*registers, time.Time, *coordinator.Out) { panic("broken") })
		w.said("refused UNKNOWN_SERVER_ERROR")
		if got := w.rt.Stats(); got.Partitions[3] != 1 {
			t.Errorf("stats after a panic %v", got)
		}
		time.Sleep(2 * time.Second)
		w.get("a")
		w.said("a=" + strings.Repeat("1", 1000))
		if steps != 2 || appended != 1 || waited != time.Second || loaded != 1 || failed != 1 {
			t.Errorf("%d steps, %d records in %v, %d loaded, %d failures", steps, appended, waited, loaded, failed)
		}
	})
}

func TestLostAppendsAreTakenBack(t *testing.T) {
	for _, refuse := range []bool{true, false} {
		inWorld(t, func(w *world) {
			w.set("a", "1")
			w.said("set a")
			w.topic.log(0).fail(refuse, !refuse)
			w.set("a", "2")
			w.get("a")
			w.said("set a NOT_COORDINATOR", "a=2 NOT_COORDINATOR")
			w.get("a")
			w.said("refused COORDINATOR_NOT_AVAILABLE")
			w.topic.log(0).fail(false, false)
			time.Sleep(time.Second)
			w.get("a")
			w.said("a=1")
		})
	}
}

func TestLoadingIsNotWaitedForLong(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.topic.opening = 3 * time.Second
		w.start(nil)
		w.get("a")
		w.said()
		time.Sleep(time.Second)
		w.said("refused COORDINATOR_LOAD_IN_PROGRESS")
		w.get("b")
		w.said("refused COORDINATOR_LOAD_IN_PROGRESS")
		if n := w.rt.Loading(); n != 1 {
			t.Errorf("%d partitions are loading", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := w.rt.Loading(); n != 0 {
			t.Errorf("%d partitions are loading", n)
		}
		w.get("c")
		w.said("c=")
	})
}

func TestAlarm(t *testing.T) {
	inWorld(t, func(w *world) {
		w.do(func(m *registers, now time.Time, _ *coordinator.Out) {
			m.alarm = now.Add(time.Minute)
			m.parked = append(m.parked, func(err error) { w.note("parked", err) })
		})
		time.Sleep(59 * time.Second)
		w.said()
		time.Sleep(time.Second)
		w.said("parked")
		w.get("alarm")
		w.said("alarm=rang")
	})
}

func TestTransactionsCountAtTheirMarker(t *testing.T) {
	inWorld(t, func(w *world) {
		pending := func(id int64, key, value string) {
			w.do(func(_ *registers, _ time.Time, out *coordinator.Out) {
				out.WritePending(coordinator.Producer{ID: id}, record(key, value))
			})
		}
		end := func(id int64, commit bool) {
			w.rt.EndTransaction(0, coordinator.Producer{ID: id}, 0, commit, func(err error) { w.note("ended", err) })
		}
		pending(1, "a", "one")
		pending(2, "b", "two")
		pending(3, "c", "three")
		w.get("a")
		end(1, true)
		end(2, false)
		w.said("a=", "ended", "ended")
		check := func() {
			t.Helper()
			for _, k := range []string{"a", "b", "c"} {
				w.get(k)
			}
			w.said("a=one", "b=", "c=")
		}
		check()
		w.stop()
		w.start(nil)
		check()
		end(3, true)
		w.get("c")
		w.said("ended", "c=three")
	})
}

func TestSnapshotBoundsTheLog(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.start(func(c *coordinator.Config[*registers]) { c.SnapshotFloor = 100 })
		for i := range 5000 {
			w.set(fmt.Sprint("k", i%7), fmt.Sprint(i))
			if i%10 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		w.log = nil
		l := w.topic.log(0)
		if n := l.LogEndOffset() - l.LogStartOffset(); n > 200 {
			t.Errorf("the log has %d records for 7 values", n)
		}
		w.stop()
		w.start(nil)
		w.get("k0")
		w.get("k6")
		w.said("k0=4998", "k6=4997")
	})
}

func TestPanicThrowsTheMachineAway(t *testing.T) {
	inWorld(t, func(w *world) {
		w.set("a", "1")
		w.said("set a")
		w.do(func(m *registers, _ time.Time, _ *coordinator.Out) {
			m.values["a"] = "broken"
			panic("no")
		})
		w.said("refused UNKNOWN_SERVER_ERROR")
		time.Sleep(time.Second)
		w.get("a")
		w.said("a=1")
	})
}

func TestQueueIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.stop()
		w.topic.opening = time.Hour
		w.start(func(c *coordinator.Config[*registers]) { c.MaxQueued, c.LoadPatience = 2, 2*time.Hour })
		synctest.Wait()
		for range 3 {
			w.get("a")
		}
		w.said("refused COORDINATOR_NOT_AVAILABLE")
		time.Sleep(time.Hour)
		w.said("a=", "a=")
	})
}
