package coordinator_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/internal/recordbatch"
)

// memTopic is an internal topic in memory. What is appended is committed after delay.
type memTopic struct {
	delay   time.Duration
	opening time.Duration // how long a log takes to open

	mu   sync.Mutex
	logs map[int32]*memLog
}

func newTopic() *memTopic { return &memTopic{logs: make(map[int32]*memLog)} }

func (t *memTopic) Open(_ context.Context, partition int32) (coordinator.Log, error) {
	time.Sleep(t.opening)
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.logs[partition]; ok {
		return l, nil
	}
	return nil, nil
}

func (t *memTopic) Create(_ context.Context, partition int32) (coordinator.Log, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.logs[partition] == nil {
		t.logs[partition] = &memLog{topic: t}
	}
	return t.logs[partition], nil
}

func (t *memTopic) log(partition int32) *memLog {
	l, _ := t.Create(context.Background(), partition)
	return l.(*memLog)
}

var errDisk = errors.New("disk")

// memLog is a partition in memory.
type memLog struct {
	topic *memTopic

	mu      sync.Mutex
	batches []recordbatch.Batch
	start   int64
	end     int64
	refuse  bool // Append fails
	lose    bool // Append succeeds, the commit fails
}

func (l *memLog) Append(batch []byte, done func(error)) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse {
		return 0, errDisk
	}
	var err error
	if l.lose {
		err = errDisk
	}
	b := recordbatch.Batch(bytes.Clone(batch))
	if e := recordbatch.ValidateHeader(b); e != nil {
		return 0, e
	}
	b.SetBaseOffset(l.end)
	if err == nil {
		l.end += int64(b.NumRecords())
		l.batches = append(l.batches, b)
	}
	time.AfterFunc(l.topic.delay, func() { done(err) })
	return b.BaseOffset(), nil
}

func (l *memLog) Scan(from int64, fn func(recordbatch.Batch) error) error {
	l.mu.Lock()
	batches := l.batches
	l.mu.Unlock()
	for _, b := range batches {
		if b.LastOffset() < from {
			continue
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) LogStartOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start
}

func (l *memLog) LogEndOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

func (l *memLog) DeleteRecordsBefore(offset int64) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = offset
	return offset, nil
}

func (l *memLog) numBatches() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.batches)
}

func (l *memLog) fail(refuse, lose bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse, l.lose = refuse, lose
}
