package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const groupPartitions = 4

// prepareGroup makes a producer, two groups of two members that commit what they have read, one with each protocol, and
// somebody who looks at the committed offsets.
func prepareGroup(ctx context.Context, r *run) ([]job, error) {
	topic, err := r.createTopic(ctx, "group", TopicInfo{Partitions: groupPartitions}, nil)
	if err != nil {
		return nil, err
	}
	jobs := []job{r.producer(31, topic, groupPartitions, nil)}
	for _, protocol := range []string{"classic", "consumer"} {
		group := r.prefix + protocol
		jobs = append(jobs, r.member(group, topic, protocol, 32), r.member(group, topic, protocol, 33), r.watchGroup(group, topic))
	}
	return jobs, nil
}

// member reads and commits, and leaves now and then to come back as another member.
func (r *run) member(group, topic, protocol string, id int) job {
	return func(loading, hard context.Context, rng *rand.Rand) {
		for life := 0; loading.Err() == nil; life++ {
			cl, err := r.client(
				kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.GroupProtocol(protocol), kgo.DisableAutoCommit(),
				kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(6*time.Second), kgo.RebalanceTimeout(5*time.Second),
				kgo.HeartbeatInterval(200*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			)
			if err != nil {
				r.broken("stuck", "make client: %v", err)
				return
			}
			r.memberLife(loading, hard, rng, cl, Event{Worker: id + 100*life, Group: group})
			cl.CloseAllowingRebalance()
		}
	}
}

func (r *run) memberLife(loading, hard context.Context, rng *rand.Rand, cl *kgo.Client, e Event) {
	e.Session = r.session.Add(1)
	for steps := 100 + rng.IntN(600); steps > 0 && loading.Err() == nil; steps-- {
		poll, cancel := context.WithTimeout(loading, 200*time.Millisecond)
		fetches := cl.PollRecords(poll, 200)
		cancel()
		for _, fe := range fetches.Errors() {
			r.fetchError(loading, fe)
		}
		last := map[int32]*kgo.Record{}
		fetches.EachRecord(func(rec *kgo.Record) {
			r.got(rec, e)
			last[rec.Partition] = rec
		})
		if len(last) > 0 {
			r.commit(hard, cl, last, e)
		}
		cl.AllowRebalance()
	}
}

func (r *run) commit(hard context.Context, cl *kgo.Client, last map[int32]*kgo.Record, e Event) {
	var calls []Event
	var records []*kgo.Record
	for p, rec := range last {
		e.Kind, e.Topic, e.Partition, e.Offset = KindCommit, rec.Topic, p, rec.Offset+1
		calls, records = append(calls, r.rec.Call(e)), append(records, rec)
	}
	ctx, cancel := context.WithTimeout(hard, 10*time.Second)
	defer cancel()
	phase := OK
	if err := cl.CommitRecords(ctx, records...); err != nil {
		phase = Info
	}
	for _, c := range calls {
		r.rec.Done(c, phase)
	}
}

// watchGroup fetches the committed offsets, at last after all commits.
func (r *run) watchGroup(group, topic string) job {
	return func(loading, hard context.Context, _ *rand.Rand) {
		// Topics by name: an answer with ids only is of no use to a client that has not heard of the topic yet.
		cl, err := r.client(kgo.MaxVersions(kversion.V3_8_0()))
		if err != nil {
			r.broken("stuck", "make client: %v", err)
			return
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		for wait(loading, 60*time.Millisecond) {
			_ = r.committed(loading, adm, group, topic)
		}
		ctx, cancel := context.WithTimeout(hard, healTimeout)
		defer cancel()
		for {
			err := r.committed(ctx, adm, group, topic)
			if err == nil || hard.Err() != nil {
				return
			}
			if !wait(ctx, 50*time.Millisecond) {
				r.broken("stuck", "no offsets of group %s: %v", group, err)
				return
			}
		}
	}
}

func (r *run) committed(ctx context.Context, adm *kadm.Client, group, topic string) error {
	calls := make([]Event, groupPartitions)
	for p := range calls {
		calls[p] = r.rec.Call(Event{Kind: KindCommitted, Group: group, Topic: topic, Partition: int32(p), Offset: -1})
	}
	got, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		return fmt.Errorf("fetch offsets: %w", err)
	}
	for p, c := range calls {
		if o, ok := got.Lookup(topic, int32(p)); ok {
			if o.Err != nil {
				return o.Err
			}
			c.Offset = o.At
		}
		r.rec.Done(c, OK)
	}
	return nil
}
