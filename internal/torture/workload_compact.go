package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// prepareCompact makes producers of a compacted topic with few keys and small segments, and a reader.
func prepareCompact(ctx context.Context, r *run) ([]job, error) {
	topic, err := r.createTopic(ctx, "compact", TopicInfo{Partitions: 2, Compacted: true}, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "300",
		"file.delete.delay.ms": "300",
	})
	if err != nil {
		return nil, err
	}
	key := func(rng *rand.Rand) string { return fmt.Sprintf("key-%d", rng.IntN(30)) }
	return []job{r.producer(41, topic, 2, key), r.producer(42, topic, 2, key), r.reader(topic, 2, false)}, nil
}

// prepareTrim makes a producer of a topic whose beginning is deleted again and again.
func prepareTrim(ctx context.Context, r *run) ([]job, error) {
	topic, err := r.createTopic(ctx, "trim", TopicInfo{Partitions: 1}, nil)
	if err != nil {
		return nil, err
	}
	return []job{r.producer(51, topic, 1, nil), func(loading, _ context.Context, rng *rand.Rand) { r.trim(loading, rng, topic) }}, nil
}

func (r *run) trim(loading context.Context, rng *rand.Rand, topic string) {
	cl, err := r.client()
	if err != nil {
		r.broken("stuck", "make client: %v", err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for wait(loading, time.Duration(50+rng.IntN(200))*time.Millisecond) {
		ends, err := adm.ListEndOffsets(loading, topic)
		end, ok := ends.Lookup(topic, 0)
		if err != nil || !ok || end.Err != nil || end.Offset < 10 {
			continue
		}
		var offsets kadm.Offsets
		before := end.Offset - 1 - rng.Int64N(end.Offset/4+1)
		offsets.AddOffset(topic, 0, before, -1)
		call := r.rec.Call(Event{Kind: KindTrim, Topic: topic, Offset: before})
		resp, err := adm.DeleteRecords(loading, offsets)
		answer, ok := resp.Lookup(topic, 0)
		if err != nil || !ok || answer.Err != nil {
			r.rec.Done(call, Info)
			continue
		}
		r.rec.Done(call, OK)
		// From now on the log starts there.
		r.rec.Note(Event{Kind: KindMark, Topic: topic, Offset: answer.LowWatermark, High: -1, Stable: -1, Since: r.rec.now()})
	}
}
