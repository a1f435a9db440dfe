package ksql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrSuperseded is returned by Run when another engine with the same service id has taken the command log over.
var ErrSuperseded = errors.New("another engine with the same service id has taken over the command log")

// ownerKey is the key of the record that says who writes.
const ownerKey = "owner"

// commandLog is the compacted topic that holds every definition. There is one writer at a time: an engine that starts
// writes an owner record with an epoch above all it has read; from then on records of older epochs are ignored by
// everyone, and an engine that reads a newer owner ends.
//
// The records of one statement are written in one batch to the one partition, before the statement is answered.
type commandLog struct {
	cluster *cluster
	topic   string
	log     *slog.Logger

	entries map[string]*entry
	epoch   int64
	owner   string
	next    int64 // offset of the next record
	// skipped counts records that could not be read; the engine serves what it understood.
	skipped int
}

// openCommandLog creates the topic if it is not there, reads it and takes it over.
func openCommandLog(ctx context.Context, c *cluster, topic, owner string, log *slog.Logger) (*commandLog, error) {
	l := &commandLog{cluster: c, topic: topic, owner: owner, log: log, entries: map[string]*entry{}}
	if err := c.createTopic(ctx, topic, 1, 0, map[string]string{"cleanup.policy": "compact"}); err != nil {
		return nil, err
	}
	if err := l.replay(ctx); err != nil {
		return nil, err
	}
	l.epoch++
	if err := l.write(ctx, map[string]*entry{ownerKey: {Version: entryVersion, Engine: Version, Owner: owner}}); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *commandLog) replay(ctx context.Context) error {
	_, end, err := l.cluster.bounds(ctx, l.topic)
	if err != nil {
		return err
	}
	l.next = end[0]
	return l.cluster.readAll(ctx, l.topic, func(r *kgo.Record) error {
		l.apply(r)
		return nil
	})
}

// apply folds one record. A record that cannot be read is left out and logged: the rest is served.
func (l *commandLog) apply(r *kgo.Record) {
	key := string(r.Key)
	if r.Value == nil {
		delete(l.entries, key)
		return
	}
	e, err := decodeEntry(key, r.Value)
	if err != nil {
		l.skipped++
		l.log.Error("skip a record of the command log", "topic", l.topic, "offset", r.Offset, "err", err)
		return
	}
	switch {
	case e.Epoch < l.epoch:
		return // from a writer that was superseded
	case key == ownerKey:
		l.epoch = e.Epoch
		return
	}
	l.entries[key] = e
}

// write appends the entries as one batch; a nil entry removes its object.
func (l *commandLog) write(ctx context.Context, entries map[string]*entry) error {
	records := make([]*kgo.Record, 0, len(entries))
	for key, e := range entries {
		r := &kgo.Record{Topic: l.topic, Partition: 0, Key: []byte(key)}
		if e != nil {
			e.Epoch = l.epoch
			value, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("encode a command: %w", err)
			}
			r.Value = value
		}
		records = append(records, r)
	}
	if err := l.cluster.produce(ctx, records...); err != nil {
		return err
	}
	for i, r := range records {
		l.next = max(l.next, records[i].Offset+1)
		key := string(r.Key)
		if e := entries[key]; e == nil {
			delete(l.entries, key)
		} else if key != ownerKey {
			l.entries[key] = e
		}
	}
	return nil
}

// watch reads the log behind the engine's own start and returns ErrSuperseded when somebody else takes it over. It
// returns nil when ctx ends.
func (l *commandLog) watch(ctx context.Context, from int64) error {
	client, err := l.cluster.reader(l.topic, map[int32]int64{0: from})
	if err != nil {
		return err
	}
	defer client.Close()
	epoch := l.epoch
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
			if string(r.Key) != ownerKey || r.Value == nil {
				return
			}
			if e, err := decodeEntry(ownerKey, r.Value); err == nil && (e.Epoch > epoch || e.Epoch == epoch && e.Owner != l.owner) {
				found = fmt.Errorf("%w: %s", ErrSuperseded, e.Owner)
			}
		})
		if found != nil {
			return found
		}
	}
}
