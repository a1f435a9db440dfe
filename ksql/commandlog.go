package ksql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrSuperseded is returned by Run when another engine with the same service id has taken the command log over.
var ErrSuperseded = errors.New("another engine with the same service id has taken over the command log")

// ownerKey is the key of the record that says who writes.
const ownerKey = "owner"

// epochHeader carries the epoch of a record without a value.
const epochHeader = "epoch"

// commandLog is the compacted topic that holds every definition. There is one writer at a time: an engine that starts
// writes an owner record with an epoch above all it has read, and reads back up to it before it serves; from then on
// records of older epochs are ignored by everyone, and an engine that reads a newer owner ends.
//
// A write counts only if no newer owner stands before it, which the writer looks up: either the next owner has read it
// or its statement is refused. The records of one statement are written before it is answered, the announcement of a
// drop first.
type commandLog struct {
	cluster *cluster
	topic   string
	log     *slog.Logger

	entries map[string]*entry
	epoch   int64
	owner   string
	holder  string // the owner of the newest epoch that was read
	next    int64  // offset of the next record
	// unreadable are the offsets of records that could not be read, by key, as long as they are the newest of their
	// key. The engine serves what it understood and deletes nothing that they may be about.
	unreadable map[string]int64
}

// maxClaims bounds the attempts to take the log over while others do the same.
const maxClaims = 100

// openCommandLog creates the topic if it is not there, reads it and takes it over.
func openCommandLog(ctx context.Context, c *cluster, topic, owner string, log *slog.Logger) (*commandLog, error) {
	l := &commandLog{cluster: c, topic: topic, owner: owner, log: log, entries: map[string]*entry{}, unreadable: map[string]int64{}}
	if err := c.createTopic(ctx, topic, 1, 0, map[string]string{"cleanup.policy": "compact"}); err != nil {
		return nil, err
	}
	start, end, err := c.bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	l.next = start[0]
	if err := l.catchUp(ctx, end[0]); err != nil {
		return nil, err
	}
	return l, l.claim(ctx)
}

// claim takes the log over: it writes an owner record and reads up to it, again with a higher epoch if another engine
// came first.
func (l *commandLog) claim(ctx context.Context) error {
	for range maxClaims {
		epoch := l.epoch + 1
		r, err := l.record(ownerKey, &entry{Version: objectVersion, Engine: Version, Owner: l.owner}, epoch)
		if err != nil {
			return err
		}
		if err := l.cluster.produce(ctx, r); err != nil {
			return err
		}
		if err := l.catchUp(ctx, r.Offset); err != nil {
			return err
		}
		l.next = r.Offset + 1
		if l.epoch < epoch {
			l.epoch, l.holder = epoch, l.owner
			return nil
		}
	}
	return fmt.Errorf("take over topic %s: other engines with the same service id did so %d times meanwhile", l.topic, maxClaims)
}

// catchUp folds the records from next up to an offset.
func (l *commandLog) catchUp(ctx context.Context, end int64) error {
	if l.next >= end {
		return nil
	}
	err := l.cluster.readRange(ctx, l.topic, map[int32]int64{0: l.next}, map[int32]int64{0: end}, func(r *kgo.Record) error {
		l.apply(r)
		return nil
	})
	if err == nil {
		l.next = end
	}
	return err
}

// apply folds one record. A record that cannot be read is left out and logged: the rest is served.
func (l *commandLog) apply(r *kgo.Record) {
	key := string(r.Key)
	epoch, e, err := readRecord(r)
	switch {
	case err != nil:
		l.unreadable[key] = r.Offset
		l.log.Error("skip a record of the command log that cannot be read", "topic", l.topic, "offset", r.Offset, "key", key, "err", err)
		return
	case epoch < l.epoch:
		return // from a writer that was superseded
	case key == ownerKey:
		if e != nil {
			l.epoch, l.holder = e.Epoch, e.Owner
		}
		return
	}
	l.put(key, e)
}

func (l *commandLog) put(key string, e *entry) {
	delete(l.unreadable, key)
	if e == nil {
		delete(l.entries, key)
	} else {
		l.entries[key] = e
	}
}

// readRecord returns the entry of a record, nil for one without a value, and the epoch of its writer. A record without
// a value and without an epoch counts as written by whoever is the owner.
func readRecord(r *kgo.Record) (epoch int64, e *entry, err error) {
	if r.Value != nil {
		if e, err = decodeEntry(string(r.Key), r.Value); err != nil {
			return 0, nil, err
		}
		return e.Epoch, e, nil
	}
	for _, h := range r.Headers {
		if h.Key == epochHeader {
			if epoch, err = strconv.ParseInt(string(h.Value), 10, 64); err != nil {
				return 0, nil, fmt.Errorf("command log record %q: header %s: %w", r.Key, epochHeader, err)
			}
			return epoch, nil, nil
		}
	}
	return math.MaxInt64, nil, nil
}

func (l *commandLog) record(key string, e *entry, epoch int64) (*kgo.Record, error) {
	r := &kgo.Record{Topic: l.topic, Partition: 0, Key: []byte(key)}
	if e == nil {
		r.Headers = []kgo.RecordHeader{{Key: epochHeader, Value: strconv.AppendInt(nil, epoch, 10)}}
		return r, nil
	}
	e.Epoch = epoch
	value, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	r.Value = value
	return r, nil
}

// write appends the entries in the order of their keys, so that announcements of drops come first; a nil entry removes
// its object. It returns ErrSuperseded, and the entries count for nobody, if another engine has taken the log over.
func (l *commandLog) write(ctx context.Context, entries map[string]*entry) error {
	if err := l.superseded(); err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(entries))
	records := make([]*kgo.Record, 0, len(entries))
	for _, key := range keys {
		r, err := l.record(key, entries[key], l.epoch)
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	if err := l.cluster.produce(ctx, records...); err != nil {
		return err
	}
	// Nobody wrote in between if the records follow on what was read. Otherwise it may have been a new owner.
	last := int64(-1)
	alone := true
	for i, r := range records {
		alone = alone && r.Offset == l.next+int64(i)
		last = max(last, r.Offset)
	}
	if !alone {
		if err := l.catchUp(context.WithoutCancel(ctx), last+1); err != nil {
			return fmt.Errorf("check who owns the command log: %w", err)
		}
		if err := l.superseded(); err != nil {
			return err
		}
	}
	l.next = max(l.next, last+1)
	for _, key := range keys {
		l.put(key, entries[key])
	}
	return nil
}

func (l *commandLog) superseded() error {
	if l.holder != l.owner {
		return fmt.Errorf("%w: %s", ErrSuperseded, l.holder)
	}
	return nil
}

// restore writes an object again as this engine knows it, after a superseded writer has written to its key: compaction
// would keep only that.
func (l *commandLog) restore(ctx context.Context, key string) error {
	return l.write(ctx, map[string]*entry{key: l.entries[key]})
}

// watch reads the log behind the engine's own start and returns ErrSuperseded when somebody else takes it over. It
// returns nil when ctx ends. Stale is called with the key of each record of a writer that was superseded before.
func (l *commandLog) watch(ctx context.Context, from, epoch int64, stale func(ctx context.Context, key string)) error {
	client, err := l.cluster.reader(l.topic, map[int32]int64{0: from})
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetchError(fetches); err != nil {
			l.log.Warn("read the command log", "topic", l.topic, "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
			continue
		}
		var found error
		fetches.EachRecord(func(r *kgo.Record) {
			written, e, err := readRecord(r)
			switch own := string(r.Key) == ownerKey; {
			case err != nil || found != nil:
			case own && e != nil && (e.Epoch > epoch || e.Epoch == epoch && e.Owner != l.owner):
				found = fmt.Errorf("%w: %s", ErrSuperseded, e.Owner)
			case !own && written < epoch:
				stale(ctx, string(r.Key))
			}
		})
		if found != nil {
			return found
		}
	}
}
