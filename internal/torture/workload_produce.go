package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const producePartitions = 3

// prepareProduce makes idempotent producers of one topic, and readers of it.
func prepareProduce(ctx context.Context, r *run) ([]job, error) {
	topic, err := r.createTopic(ctx, "produce", TopicInfo{Partitions: producePartitions}, nil)
	if err != nil {
		return nil, err
	}
	return []job{
		r.producer(1, topic, producePartitions, nil), r.producer(2, topic, producePartitions, nil),
		r.reader(topic, producePartitions, false), r.reader(topic, producePartitions, true),
	}, nil
}

var codecs = []kgo.CompressionCodec{
	kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
}

// producer sends records to random partitions and now and then becomes another producer. key may give records a key.
func (r *run) producer(id int, topic string, partitions int32, key func(*rand.Rand) string) job {
	return func(loading, hard context.Context, rng *rand.Rand) {
		for life := 0; loading.Err() == nil; life++ {
			cl, err := r.client(kgo.ProducerBatchCompression(codecs[rng.IntN(len(codecs))]))
			if err != nil {
				r.broken("stuck", "make client: %v", err)
				return
			}
			// A new life is a new worker: what the old one sent may still arrive.
			r.produce(loading, hard, rng, cl, Event{Worker: id + 100*life, Topic: topic}, partitions, key)
			cl.Close()
		}
	}
}

func (r *run) produce(loading, hard context.Context, rng *rand.Rand, cl *kgo.Client, e Event, partitions int32, key func(*rand.Rand) string) {
	crash := rng.IntN(8) == 0 // what was not acknowledged is given up
	for steps := 200 + rng.IntN(2000); steps > 0 && r.pause(loading, rng); steps-- {
		if cl.BufferedProduceRecords() > 500 {
			continue
		}
		e.Partition = rng.Int32N(partitions)
		for range 1 + rng.IntN(4) {
			if key != nil {
				e.Key = key(rng)
			}
			pad := rng.IntN(100)
			if rng.IntN(50) == 0 {
				pad = rng.IntN(20000)
			}
			rec, call := r.record(e, pad)
			cl.Produce(hard, rec, func(rec *kgo.Record, err error) { r.sent(call, rec, err) })
		}
	}
	if crash && loading.Err() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(hard, healTimeout)
	defer cancel()
	if err := cl.Flush(ctx); err != nil && hard.Err() == nil {
		r.broken("stuck", "worker %d: records are not acknowledged after %v: %v", e.Worker, healTimeout, err)
	}
}

// reader reads a topic again and again, from the beginning or from somewhere behind.
func (r *run) reader(topic string, partitions int32, committed bool) job {
	return func(loading, _ context.Context, rng *rand.Rand) {
		ends := map[int32]int64{}
		for loading.Err() == nil {
			from := map[int32]kgo.Offset{}
			for p := range partitions {
				at := ends[p]
				if rng.IntN(2) == 0 {
					at = max(0, at-rng.Int64N(200))
				}
				from[p] = kgo.NewOffset().At(at)
			}
			r.readSession(loading, rng, topic, from, committed, ends)
		}
	}
}

func (r *run) readSession(loading context.Context, rng *rand.Rand, topic string, from map[int32]kgo.Offset, committed bool, ends map[int32]int64) {
	opts := []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.ConsumeResetOffset(kgo.NoResetOffset())}
	if committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	cl, err := r.client(opts...)
	if err != nil {
		r.broken("stuck", "make client: %v", err)
		return
	}
	defer cl.Close()
	session := r.session.Add(1)
	ctx, cancel := context.WithTimeout(loading, time.Duration(500+rng.IntN(3000))*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil {
		fetches := cl.PollFetches(ctx)
		for _, fe := range fetches.Errors() {
			r.fetchError(ctx, fe)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			r.got(rec, Event{Session: session, Committed: committed})
			ends[rec.Partition] = max(ends[rec.Partition], rec.Offset+1)
		})
	}
}
