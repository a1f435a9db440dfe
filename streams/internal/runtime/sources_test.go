package runtime

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTopicWatch(t *testing.T) {
	one, two := [16]byte{1}, [16]byte{2}
	there, missing := topicState{id: one}, topicState{err: kerr.UnknownTopicOrPartition}
	for _, c := range []struct {
		name      string
		states    []topicState // a second apart
		gone      bool
		recreated bool
	}{
		{name: "sound", states: []topicState{there, there, there, there, there, there, there, there}},
		{name: "a broker that starts", states: []topicState{missing, missing, missing, missing, missing, there, missing, missing}},
		{name: "deleted", states: []topicState{there, missing, missing, missing, missing, missing, missing, missing}, gone: true},
		{name: "another", states: []topicState{there, {id: two}, {id: two}}, gone: true, recreated: true},
		{name: "a broker that is behind", states: []topicState{there, {id: two}, there, {id: two}}},
		{name: "without ids", states: []topicState{there, {}, {}, {}}},
		{name: "without leader", states: []topicState{there, {err: kerr.LeaderNotAvailable}, {err: kerr.LeaderNotAvailable}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := topicWatch{ids: map[string][16]byte{"x": one}, broken: make(map[string]time.Time)}
			var err error
			for i, s := range c.states {
				err = errors.Join(err, w.judge("x", s, time.Unix(int64(i), 0)))
			}
			gone, ok := errors.AsType[*MissingSourceTopicError](err)
			if ok != c.gone || ok && (gone.Topic != "x" || gone.Recreated != c.recreated) {
				t.Errorf("judged %v", err)
			}
		})
	}
}

func unknownTopic(topic string) kgo.Fetches {
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: topic, Partitions: []kgo.FetchPartition{{Err: kerr.UnknownTopicID}}}}}}
}

// TestFetchErrors: errors of fetching are logged now and then; if they persist, the topic is given up.
func TestFetchErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		rt := &Runtime{log: slog.New(slog.NewTextHandler(&log, nil))}
		began := time.Now()
		var err error
		polls := 0
		for ; err == nil && time.Since(began) < time.Minute; polls++ {
			var onlyErrors bool
			if onlyErrors, err = rt.distribute(unknownTopic("x")); !onlyErrors {
				t.Fatal("there was more than errors")
			}
			time.Sleep(time.Millisecond)
		}
		gone, ok := errors.AsType[*MissingSourceTopicError](err)
		if took := time.Since(began); !ok || gone.Topic != "x" || took < missingGrace || took > 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d polls wrote %d lines", polls, n)
		}
		// An error now and then is none.
		rt.fetchErrors = fetchErrors{}
		for range 10 {
			if _, err := rt.distribute(unknownTopic("x")); err != nil {
				t.Error(err)
			}
			time.Sleep(fetchErrorQuiet + time.Second)
		}
	})
}

// TestRestoreErrors: a changelog that is gone ends the restore, too.
func TestRestoreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		rt := &Runtime{log: slog.New(slog.NewTextHandler(&log, nil))}
		r := restorer{w: &worker{rt: rt, log: rt.log}}
		began := time.Now()
		var err error
		for err == nil && time.Since(began) < time.Minute {
			_, err = r.take(unknownTopic("log"))
			time.Sleep(time.Millisecond)
		}
		if gone, ok := errors.AsType[*MissingSourceTopicError](err); !ok || gone.Topic != "log" {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("%d lines are written", n)
		}
	})
}

func TestStartOf(t *testing.T) {
	earliest, latest := processor.ResetEarliest, processor.ResetLatest
	for _, c := range []struct {
		name                  string
		start, end, committed int64
		foreign               bool
		reset                 processor.OffsetReset
		want                  int64
		used                  bool
	}{
		{name: "nothing committed", start: 2, end: 9, committed: -1, reset: earliest, want: 2},
		{name: "nothing committed, latest", start: 2, end: 9, committed: -1, reset: latest, want: 9},
		{name: "committed", start: 2, end: 9, committed: 5, reset: latest, want: 5, used: true},
		{name: "all is committed", start: 2, end: 9, committed: 9, reset: earliest, want: 9, used: true},
		{name: "committed is deleted", start: 7, end: 9, committed: 5, reset: earliest, want: 7, used: true},
		{name: "beyond the end", end: 9, committed: 50, reset: earliest, want: 0},
		{name: "beyond the end, latest", end: 9, committed: 50, reset: latest, want: 9},
		{name: "of a topic that is gone", end: 9, committed: 5, foreign: true, reset: latest, want: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := startOf(c.start, c.end, c.committed, !c.foreign, c.reset); got.next != c.want || got.committed != c.used {
				t.Errorf("%+v, want %d", got, c.want)
			}
		})
	}
}

func TestOffsetMetadataTopicID(t *testing.T) {
	m := offsetMetadata{partitionTime: 7, emitted: map[string]int64{"a": 1}, topicID: [16]byte{1, 7: 2, 8: 3, 15: 4}}
	got, err := decodeOffsetMetadata(m.encode())
	if err != nil || got.topicID != m.topicID || got.partitionTime != 7 || !maps.Equal(got.emitted, m.emitted) {
		t.Errorf("%+v became %+v, %v", m, got, err)
	}
	if !m.isOf(m.topicID) || !m.isOf([16]byte{}) || m.isOf([16]byte{1}) || !(offsetMetadata{}).isOf(m.topicID) {
		t.Error("isOf")
	}
}

// offlineRuntime has a client that reaches nobody.
func offlineRuntime(t *testing.T) *Runtime {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers("x:1"), kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Runtime{client: client, cfg: Config{InMemory: true}, log: slog.New(slog.DiscardHandler)}
}

// TestFlushOutOfTime: a commit for which the brokers cannot be reached is put off; it does not end the application.
func TestFlushOutOfTime(t *testing.T) {
	rt := offlineRuntime(t)
	rt.client.Produce(context.Background(), &kgo.Record{Topic: "x"}, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := rt.flush(ctx, nil); !errors.Is(err, errNotCommitted) {
		t.Errorf("flush: %v", err)
	}
}

// TestRetry: an answer that stays the same is final some time; brokers that do not answer are waited for.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &Runtime{log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		var p patience
		err := rt.retry(context.Background(), "x", func() error {
			if time.Since(began) < time.Hour {
				return net.ErrClosed
			}
			return p.wait(kerr.UnknownTopicOrPartition)
		})
		if took := time.Since(began); took < time.Hour+topicTimeout || !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestWipe: what was to be committed is forgotten, and a commit that waits for the task does not wait for its restore.
func TestWipe(t *testing.T) {
	rt := offlineRuntime(t)
	w := &worker{
		rt: rt, log: rt.log, topics: []string{"x"}, done: make(chan struct{}), commands: make(chan func() error),
		wiped: make(chan struct{}), left: map[string]int64{"x": 5}, committed: map[string]int64{"x": 4},
		unsettled: true, behind: true,
	}
	w.state.Store(int32(running))
	rt.commitMu.Lock() // a commit
	answers := make(chan flushed, 1)
	go w.flush(t.Context(), answers)
	wiped := make(chan error, 1)
	go func() { wiped <- w.wipe(t.Context()) }()
	select {
	case f := <-answers:
		if f.worker != nil {
			t.Errorf("flushed %+v", f)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the commit waits for a task that is being wiped")
	}
	select {
	case <-wiped:
		t.Error("what a commit reads was wiped")
	case <-time.After(10 * time.Millisecond):
	}
	rt.commitMu.Unlock()
	if err := <-wiped; err != nil {
		t.Fatal(err)
	}
	if len(w.left)+len(w.committed) != 0 || w.unsettled || w.behind {
		t.Errorf("left %v, committed %v", w.left, w.committed)
	}
}
