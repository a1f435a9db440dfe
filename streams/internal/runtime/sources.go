package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// topicCheckInterval is how often the topics are looked up, to see whether they are still those of the start.
	topicCheckInterval = 2 * time.Second
	// missingGrace is how long a topic must be missing before the application ends: brokers that start know little.
	missingGrace = 6 * time.Second
	// recreatedGrace is the same for a topic that has got another id. Only a broker that is behind can be wrong there.
	recreatedGrace = time.Second
	// fetchErrorPause is how long nothing is fetched after fetches that brought nothing but errors.
	fetchErrorPause = 250 * time.Millisecond
	// fetchErrorQuiet is how long a topic must go without an error to be held sound again.
	fetchErrorQuiet = 5 * time.Second
	// fetchErrorInterval is how often an error of fetching one topic is logged.
	fetchErrorInterval = 10 * time.Second
)

// MissingSourceTopicError says that a topic that the application needs does not exist, was deleted, or was deleted and
// created anew, as Kafka Streams' MissingSourceTopicException. A new run of the application begins with the topic as it is
// then.
type MissingSourceTopicError struct {
	// Topic is its name.
	Topic string
	// Recreated says that there is another topic of that name now.
	Recreated bool
	// Err is what the brokers say.
	Err error
}

// Error implements error.
func (e *MissingSourceTopicError) Error() string {
	what := "is missing"
	if e.Recreated {
		what = "was deleted and created anew"
	}
	return fmt.Sprintf("source topic %s %s: %v", e.Topic, what, e.Err)
}

// Unwrap returns Err.
func (e *MissingSourceTopicError) Unwrap() error { return e.Err }

// isMissingTopic says whether an error means that a topic does not exist, or not any more.
func isMissingTopic(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.InconsistentTopicID)
}

// fetchErrors remembers the errors of fetching: for how long a topic has been missing, and what was logged.
type fetchErrors struct {
	mu     sync.Mutex
	topics map[string]*topicErrors // guarded by mu
}

type topicErrors struct {
	first, last time.Time // of the errors that say that the topic is missing
	logged      time.Time
	unlogged    int
}

// add takes an error. It says whether to log it and how many were not logged before, and returns an error if the topic has
// been missing for too long.
func (f *fetchErrors) add(topic string, err error, now time.Time) (log bool, unlogged int, gone error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics == nil {
		f.topics = make(map[string]*topicErrors)
	}
	t := f.topics[topic]
	if t == nil {
		t = &topicErrors{}
		f.topics[topic] = t
	}
	if isMissingTopic(err) {
		if t.first.IsZero() || now.Sub(t.last) > fetchErrorQuiet {
			t.first = now
		}
		if t.last = now; now.Sub(t.first) >= missingGrace {
			recreated := errors.Is(err, kerr.InconsistentTopicID) // the others come for a deleted topic, too
			gone = &MissingSourceTopicError{Topic: topic, Recreated: recreated, Err: err}
		}
	}
	if now.Sub(t.logged) < fetchErrorInterval {
		t.unlogged++
		return false, 0, gone
	}
	unlogged = t.unlogged
	t.logged, t.unlogged = now, 0
	return true, unlogged, gone
}

// sound takes note that records of a topic have come.
func (f *fetchErrors) sound(topic string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.topics[topic]; t != nil {
		t.first = time.Time{}
	}
}

// topicState is what a look-up of a topic brought.
type topicState struct {
	id  [16]byte
	err error
}

// topicWatch judges look-ups of topics. It has no clock.
type topicWatch struct {
	ids    map[string][16]byte
	broken map[string]time.Time // since when
}

// judge returns an error if a topic has been missing, or another one, for too long.
func (w *topicWatch) judge(topic string, s topicState, now time.Time) error {
	var gone *MissingSourceTopicError
	grace := missingGrace
	switch was := w.ids[topic]; {
	case s.err != nil && isMissingTopic(s.err):
		gone = &MissingSourceTopicError{Topic: topic, Err: s.err}
	case s.err != nil:
		return nil // it is there, but its brokers are not
	case was != [16]byte{} && s.id != [16]byte{} && was != s.id:
		gone, grace = &MissingSourceTopicError{Topic: topic, Recreated: true, Err: kerr.UnknownTopicID}, recreatedGrace
	default:
		delete(w.broken, topic)
		return nil
	}
	since, ok := w.broken[topic]
	if !ok {
		w.broken[topic] = now
		return nil
	}
	if now.Sub(since) < grace {
		return nil
	}
	return gone
}

// watchTopics returns an error when a topic of the application is missing, or is not the one that it was at the start. The
// client does not tell: it waits for a topic that is gone, and never reads one that has taken its place.
func (rt *Runtime) watchTopics(ctx context.Context) error {
	external, internal := rt.topicNames()
	topics := append(external, internal...)
	w := topicWatch{ids: rt.topicIDs(), broken: make(map[string]time.Time)}
	t := time.NewTicker(topicCheckInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		states, err := rt.lookUp(ctx, topics)
		if err != nil {
			clear(w.broken) // nobody says anything
			continue
		}
		for _, topic := range topics {
			if err := w.judge(topic, states[topic], time.Now()); err != nil {
				return err
			}
		}
	}
}

// lookUpTimeout bounds a look-up that comes again soon.
const lookUpTimeout = 10 * time.Second

func (rt *Runtime) lookUp(ctx context.Context, topics []string) (map[string]topicState, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	details, err := rt.admin.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("look up topics: %w", err)
	}
	states := make(map[string]topicState, len(topics))
	for _, topic := range topics {
		d, ok := details[topic]
		s := topicState{id: d.ID, err: d.Err}
		if !ok || s.err == nil && len(d.Partitions) == 0 {
			s.err = kerr.UnknownTopicOrPartition
		}
		states[topic] = s
	}
	return states, nil
}

// rememberTopicIDs looks up the ids of all topics of the application.
func (rt *Runtime) rememberTopicIDs(ctx context.Context) error {
	external, internal := rt.topicNames()
	topics := slices.Concat(external, internal)
	return rt.retry(ctx, "look up topics", func() error {
		states, err := rt.lookUp(ctx, topics)
		if err != nil {
			return err
		}
		rt.mu.Lock()
		defer rt.mu.Unlock()
		for _, topic := range topics {
			rt.ids[topic] = states[topic].id
		}
		return nil
	})
}

// topicIDs returns the ids of the start.
func (rt *Runtime) topicIDs() map[string][16]byte {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	ids := make(map[string][16]byte, len(rt.ids))
	for topic, id := range rt.ids {
		ids[topic] = id
	}
	return ids
}

// topicID returns the id that a topic had at the start, zero if the brokers have none.
func (rt *Runtime) topicID(topic string) [16]byte {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.ids[topic]
}

// fetchFailed takes an error of a fetch: it is logged, but not too often, and returned if it ends the application.
func (rt *Runtime) fetchFailed(f *fetchErrors, topic string, partition int32, err error) error {
	if fatalFetch(err) {
		return fmt.Errorf("fetch %s-%d: %w", topic, partition, err)
	}
	log, unlogged, gone := f.add(topic, err, time.Now())
	if log {
		rt.log.Warn("fetching", "topic", topic, "partition", partition, "err", err, "unlogged_before", unlogged)
	}
	return gone
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
