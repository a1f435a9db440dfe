package handler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

// want is a partition to fetch.
type want struct {
	topic  string
	id     metadata.TopicID
	index  int32
	offset int64
	max    int32 // 0: 1 MiB
}

func fetchRequest(version int16, wants ...want) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.MinBytes = version, 50<<20, 1
	req.SessionEpoch = -1
	for _, w := range wants {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = w.topic, w.id
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = w.index, w.offset, w.max
		if w.max == 0 {
			p.PartitionMaxBytes = 1 << 20
		}
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	return req
}

// summary is topic-partition: records from-to, or the error, of an answer.
func summary(t testing.TB, resp *kmsg.FetchResponse) []string {
	t.Helper()
	out := []string{}
	if resp.ErrorCode != 0 {
		out = append(out, kerr.TypedErrorForCode(resp.ErrorCode).Message)
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			what := "nothing"
			if p.ErrorCode != 0 {
				what = kerr.TypedErrorForCode(p.ErrorCode).Message
			} else if len(p.RecordBatches) > 0 {
				first := recordbatch.Batch(p.RecordBatches)
				last := first.LastOffset()
				for rest := p.RecordBatches; len(rest) > 0; {
					b := recordbatch.Batch(rest)
					last = b.LastOffset()
					rest = rest[b.Size():]
				}
				what = fmt.Sprintf("%d-%d", first.BaseOffset(), last)
			}
			out = append(out, fmt.Sprintf("%s-%d: %s", topic.Topic, p.Partition, what))
		}
	}
	return out
}

func wantFetch(t testing.TB, what string, resp *kmsg.FetchResponse, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, summary(t, resp)); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestFetchVersions(t *testing.T) {
	b := newBroker(t, nil)
	id := b.create("t", 1)
	b.fill("t", 0, 3)
	c := b.client()
	for v := int16(4); v <= 18; v++ {
		w := want{topic: "t"}
		name := "t"
		if v >= 13 {
			w, name = want{id: id}, ""
		}
		resp := do[*kmsg.FetchResponse](c, fetchRequest(v, w))
		wantFetch(t, fmt.Sprintf("version %d", v), resp, name+"-0: 0-2")
		p := resp.Topics[0].Partitions[0]
		if p.HighWatermark != 3 || p.LastStableOffset != 3 || p.PreferredReadReplica != -1 || v >= 5 && p.LogStartOffset != 0 {
			t.Errorf("version %d: %+v", v, p)
		}
	}
}

func TestFetchErrors(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	b.create("z", 1, "compression.type", "zstd")
	b.fill("t", 0, 3)
	c := b.client()
	f := func(version int16, w want, want string) {
		t.Helper()
		req := fetchRequest(version, w)
		req.MaxWaitMillis = 10_000 // an error does not wait
		begin := time.Now()
		resp := do[*kmsg.FetchResponse](c, req)
		wantFetch(t, want, resp, fmt.Sprintf("%s-%d: %s", w.topic, w.index, want))
		if time.Since(begin) > 5*time.Second {
			t.Errorf("%s: waited", want)
		}
		if p := resp.Topics[0].Partitions[0]; p.HighWatermark != -1 {
			t.Errorf("%s: high watermark %d", want, p.HighWatermark)
		}
	}
	f(12, want{topic: "u"}, "UNKNOWN_TOPIC_OR_PARTITION")
	f(12, want{topic: "t", index: 1}, "UNKNOWN_TOPIC_OR_PARTITION")
	f(12, want{topic: "a b"}, "INVALID_TOPIC_EXCEPTION")
	f(13, want{id: metadata.TopicID{9}}, "UNKNOWN_TOPIC_ID")
	f(12, want{topic: "t", offset: 4}, "OFFSET_OUT_OF_RANGE")
	f(12, want{topic: "t", offset: -1}, "OFFSET_OUT_OF_RANGE")
	f(9, want{topic: "z"}, "UNSUPPORTED_COMPRESSION_TYPE")

	req := fetchRequest(12, want{topic: "t"})
	req.Topics[0].Partitions[0].CurrentLeaderEpoch = 5
	wantFetch(t, "an epoch to come", do[*kmsg.FetchResponse](c, req), "t-0: UNKNOWN_LEADER_EPOCH")
	req = fetchRequest(12, want{topic: "t"})
	req.ReplicaID = 7
	wantFetch(t, "from a stranger", do[*kmsg.FetchResponse](c, req), "t-0: NOT_LEADER_FOR_PARTITION")
}

func TestFetchBytes(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 3)
	for i := range int32(3) {
		b.fill("t", i, 10)
		b.fill("t", i, 10)
	}
	size := int32(len(batch(t, 10, recordbatch.Options{})))
	c := b.client()
	f := func(what string, max int32, ws []want, want ...string) {
		t.Helper()
		req := fetchRequest(12, ws...)
		req.MaxBytes = max
		wantFetch(t, what, do[*kmsg.FetchResponse](c, req), want...)
	}
	three := func(max int32) []want {
		return []want{{topic: "t", max: max}, {topic: "t", index: 1, max: max}, {topic: "t", index: 2, max: max}}
	}
	f("all", 1<<20, three(0), "t-0: 0-19", "t-1: 0-19", "t-2: 0-19")
	f("the first batch always comes", 1, three(0), "t-0: 0-9", "t-1: nothing", "t-2: nothing")
	f("even beyond the partition's limit", 1<<20, three(1), "t-0: 0-9", "t-1: nothing", "t-2: nothing")
	f("the partition's limit", 1<<20, three(size), "t-0: 0-9", "t-1: 0-9", "t-2: 0-9")
	f("the answer's limit", 3*size, three(0), "t-0: 0-19", "t-1: 0-9", "t-2: nothing")
	f("from the middle of a batch", 1<<20, []want{{topic: "t", offset: 13}}, "t-0: 10-19")
	f("at the end", 1<<20, []want{{topic: "t", offset: 20}}, "t-0: nothing")
}

func TestFetchWaits(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	c := b.client()
	size := len(batch(t, 1, recordbatch.Options{}))
	req := fetchRequest(12, want{topic: "t"}, want{topic: "t", index: 1})

	req.MaxWaitMillis = 30
	begin := time.Now()
	wantFetch(t, "time is up", do[*kmsg.FetchResponse](c, req), "t-0: nothing", "t-1: nothing")
	if waited := time.Since(begin); waited < 30*time.Millisecond {
		t.Errorf("waited %v for 30 ms", waited)
	}

	req.MaxWaitMillis = 15_000
	c.send(req)
	b.fill("t", 1, 1)
	wantFetch(t, "one record", c.receive(req).(*kmsg.FetchResponse), "t-0: nothing", "t-1: 0-0")

	req = fetchRequest(12, want{topic: "t"}, want{topic: "t", index: 1, offset: 1})
	req.MaxWaitMillis, req.MinBytes = 15_000, int32(2*size)
	c.send(req)
	b.fill("t", 0, 1) // not enough
	b.fill("t", 1, 1)
	wantFetch(t, "min bytes over two partitions", c.receive(req).(*kmsg.FetchResponse), "t-0: 0-0", "t-1: 1-1")

	req = fetchRequest(12, want{topic: "t", offset: 1})
	req.MaxWaitMillis = 15_000
	c.send(req)
	b.delete("t")
	wantFetch(t, "deleted meanwhile", c.receive(req).(*kmsg.FetchResponse), "t-0: UNKNOWN_TOPIC_OR_PARTITION")
}

// An id of a topic that was deleted is unknown, also while a fetch waits, and
// although there is a new topic of that name.
func TestFetchOldTopicID(t *testing.T) {
	b := newBroker(t, nil)
	old := b.create("t", 1)
	c := b.client()
	req := fetchRequest(13, want{id: old})
	req.MaxWaitMillis = 15_000
	c.send(req)
	b.delete("t")
	wantFetch(t, "deleted meanwhile", c.receive(req).(*kmsg.FetchResponse), "-0: UNKNOWN_TOPIC_ID")
	id := b.create("t", 1)
	if id == old {
		t.Fatal("the same id again")
	}
	b.fill("t", 0, 1)
	wantFetch(t, "old id", do[*kmsg.FetchResponse](c, req), "-0: UNKNOWN_TOPIC_ID")
	wantFetch(t, "new id", do[*kmsg.FetchResponse](c, fetchRequest(13, want{id: id})), "-0: 0-0")
	wantCode(t, "produce to the old id",
		do[*kmsg.ProduceResponse](c, produceRequest(13, "", old, 0, -1, batch(t, 1, recordbatch.Options{}))).Topics[0].Partitions[0].ErrorCode, kerr.UnknownTopicID)
}

func TestFetchSession(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 3)
	b.create("u", 1)
	b.fill("t", 0, 2)
	c := b.client()
	fetch := func(what string, id, epoch int32, forget []int32, ws []want, want ...string) *kmsg.FetchResponse {
		t.Helper()
		req := fetchRequest(12, ws...)
		req.SessionID, req.SessionEpoch = id, epoch
		if forget != nil {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.Topic, f.Partitions = "t", forget
			req.ForgottenTopics = append(req.ForgottenTopics, f)
		}
		resp := do[*kmsg.FetchResponse](c, req)
		wantFetch(t, what, resp, want...)
		return resp
	}
	all := []want{{topic: "t"}, {topic: "t", index: 1}, {topic: "t", index: 2}, {topic: "gone"}}
	id := fetch("open", 0, 0, nil, all, "t-0: 0-1", "t-1: nothing", "t-2: nothing", "gone-0: UNKNOWN_TOPIC_OR_PARTITION").SessionID
	if id == 0 {
		t.Fatal("no session")
	}
	fetch("data again, for the offset did not move; errors always", id, 1, nil, nil, "t-0: 0-1", "gone-0: UNKNOWN_TOPIC_OR_PARTITION")
	fetch("what was read is at the end", id, 2, []int32{}, []want{{topic: "t", offset: 2}}, "gone-0: UNKNOWN_TOPIC_OR_PARTITION")
	b.create("gone", 1)
	fetch("no more error is news", id, 3, nil, nil, "gone-0: nothing")
	fetch("no news", id, 4, nil, nil)
	b.fill("t", 2, 1)
	fetch("news of one", id, 5, nil, nil, "t-2: 0-0")
	fetch("add and forget", id, 6, []int32{2}, []want{{topic: "u"}}, "u-0: nothing")
	fetch("wrong epoch", id, 6, nil, nil, "INVALID_FETCH_SESSION_EPOCH")
	fetch("wrong id", id+1, 7, nil, nil, "FETCH_SESSION_ID_NOT_FOUND")
	fetch("it goes on", id, 7, nil, nil)

	req := fetchRequest(13)
	req.SessionID, req.SessionEpoch = id, 8
	wantFetch(t, "ids in a session of names", do[*kmsg.FetchResponse](c, req), "FETCH_SESSION_TOPIC_ID_ERROR")

	second := fetch("another", 0, 0, nil, []want{{topic: "t"}}, "t-0: 0-1").SessionID
	if second == id || second == 0 {
		t.Errorf("session %d beside %d", second, id)
	}
	if got := fetch("close", second, -1, nil, []want{{topic: "t"}}, "t-0: 0-1").SessionID; got != 0 {
		t.Errorf("session %d after closing", got)
	}
	fetch("closed", second, 1, nil, nil, "FETCH_SESSION_ID_NOT_FOUND")
	if got := fetch("open anew in place of the old one", id, 0, nil, []want{{topic: "t"}}, "t-0: 0-1").SessionID; got == id {
		t.Error("the old session id again")
	}
	fetch("the old one is gone", id, 8, nil, nil, "FETCH_SESSION_ID_NOT_FOUND")
}

// A session that waits tells of what came, and of nothing else.
func TestFetchSessionWaits(t *testing.T) {
	b := newBroker(t, nil)
	id := b.create("t", 50)
	c := b.client()
	var ws []want
	for i := range int32(50) {
		ws = append(ws, want{id: id, index: i})
	}
	req := fetchRequest(18, ws...)
	req.SessionEpoch = 0
	session := do[*kmsg.FetchResponse](c, req).SessionID
	for epoch := int32(1); epoch <= 20; epoch++ {
		req := fetchRequest(18)
		req.SessionID, req.SessionEpoch, req.MaxWaitMillis = session, epoch, 15_000
		if epoch > 1 { // the offset of what was read
			req.Topics = fetchRequest(18, want{id: id, index: epoch - 1, offset: 1}).Topics
		}
		c.send(req)
		b.fill("t", epoch, 1)
		wantFetch(t, "wait", c.receive(req).(*kmsg.FetchResponse), fmt.Sprintf("-%d: 0-0", epoch))
	}
}

func BenchmarkFetchSession(b *testing.B) {
	br := newBroker(b, nil)
	id := br.create("t", 100)
	c := br.client()
	var ws []want
	for i := range int32(100) {
		ws = append(ws, want{id: id, index: i})
	}
	req := fetchRequest(18, ws...)
	req.SessionEpoch = 0
	session := do[*kmsg.FetchResponse](c, req).SessionID
	epoch := int32(0)
	b.ReportAllocs()
	for b.Loop() {
		epoch++
		req := fetchRequest(18)
		req.SessionID, req.SessionEpoch = session, epoch
		do[*kmsg.FetchResponse](c, req)
	}
}

func BenchmarkProduce(b *testing.B) {
	br := newBroker(b, nil)
	id := br.create("t", 1)
	c := br.client()
	records := batch(b, 100, recordbatch.Options{})
	b.ReportAllocs()
	for b.Loop() {
		do[*kmsg.ProduceResponse](c, produceRequest(13, "", id, 0, 1, records))
	}
}
