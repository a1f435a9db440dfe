package handler_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// limit sets quotas of the client id of all connections. As that client is not read while it has to wait, each request
// of these tests has a connection of its own.
func (b *broker) limit(ops ...string) {
	b.t.Helper()
	for _, line := range b.client().alterQuotas(false, quotaEntry("client-id=test", ops...)) {
		if line != "client-id=test: NONE" {
			b.t.Fatal(line)
		}
	}
}

// A producer over its quota is told how long to wait: until the rate over the last ten windows is back at the limit.
func TestProduceQuota(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	b.limit("producer_byte_rate=100")
	records := batch(t, 200, recordbatch.Options{})
	for i := range 3 {
		req := produceRequest(9, "t", metadata.TopicID{}, 0, 1, records)
		size := (i + 1) * len(req.AppendTo(nil))
		resp := do[*kmsg.ProduceResponse](b.client(), req)
		wantCode(t, "produce", resp.Topics[0].Partitions[0].ErrorCode, nil)
		// The sum in ten seconds is size.
		want := int32(max(size*10-10_000, 0))
		if diff := resp.ThrottleMillis - want; diff < -5 || diff > 5 || want == 0 {
			t.Errorf("request %d, %d bytes in all: throttled %d ms, want %d", i+1, size, resp.ThrottleMillis, want)
		}
	}
	b.limit("-producer_byte_rate")
	if resp := do[*kmsg.ProduceResponse](b.client(), produceRequest(9, "t", metadata.TopicID{}, 0, 1, records)); resp.ThrottleMillis != 0 {
		t.Errorf("throttled %d ms without a quota", resp.ThrottleMillis)
	}
}

// A consumer over its quota gets an answer without partitions, and its session is as if it had not asked.
func TestFetchQuota(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 2)
	b.fill("t", 0, 100)
	b.fill("t", 1, 100)
	fetch := func(session, epoch int32, wants ...want) *kmsg.FetchResponse {
		t.Helper()
		req := fetchRequest(12, wants...)
		req.SessionID, req.SessionEpoch = session, epoch
		return do[*kmsg.FetchResponse](b.client(), req)
	}
	throttled := func(what string, resp *kmsg.FetchResponse, session int32) {
		t.Helper()
		wantCode(t, what, resp.ErrorCode, nil)
		if resp.ThrottleMillis <= 0 || len(resp.Topics) != 0 || resp.SessionID != session {
			t.Errorf("%s: throttled %d ms, session %d, %d topics", what, resp.ThrottleMillis, resp.SessionID, len(resp.Topics))
		}
	}
	all := []want{{topic: "t", index: 0}, {topic: "t", index: 1}}

	opened := fetch(0, 0, want{topic: "t", index: 0, offset: 100}, want{topic: "t", index: 1, offset: 100})
	if opened.SessionID == 0 || opened.ThrottleMillis != 0 {
		t.Fatalf("session %d, throttled %d ms", opened.SessionID, opened.ThrottleMillis)
	}
	b.limit("consumer_byte_rate=1")
	throttled("full fetch", fetch(0, 0, all...), 0)
	throttled("session", fetch(opened.SessionID, 1, all...), opened.SessionID)
	throttled("session again", fetch(opened.SessionID, 2), opened.SessionID)
	gone := fetch(opened.SessionID+1, 2)
	wantCode(t, "no such session", gone.ErrorCode, kerr.FetchSessionIDNotFound)

	b.limit("consumer_byte_rate=1000000")
	resp := fetch(opened.SessionID, 3)
	if resp.ThrottleMillis != 0 || resp.SessionID != opened.SessionID || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 2 {
		t.Errorf("throttled %d ms, session %d, topics %v", resp.ThrottleMillis, resp.SessionID, resp.Topics)
	}
}

// A fetch asks for no more than it may get without waiting, so that a large one gets through at all.
func TestFetchIsCappedByQuota(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	for range 20 {
		b.fill("t", 0, 100)
	}
	one := do[*kmsg.FetchResponse](b.client(), fetchRequest(12, want{topic: "t"}))
	size := len(one.Topics[0].Partitions[0].RecordBatches)
	b.limit("consumer_byte_rate=" + strconv.Itoa(size/10/4)) // ten seconds have room for a quarter
	resp := do[*kmsg.FetchResponse](b.client(), fetchRequest(12, want{topic: "t"}))
	for range 3 { // what is beside the records may be too much
		if len(resp.Topics) > 0 {
			break
		}
		b.clock.advance(time.Minute)
		resp = do[*kmsg.FetchResponse](b.client(), fetchRequest(12, want{topic: "t"}))
	}
	if len(resp.Topics) == 0 {
		t.Fatalf("throttled %d ms", resp.ThrottleMillis)
	}
	if got := len(resp.Topics[0].Partitions[0].RecordBatches); got == 0 || got > size/3 {
		t.Errorf("%d of %d bytes", got, size)
	}
}

// The time of requests is charged for every API, and the wait is one window at most.
func TestRequestQuota(t *testing.T) {
	b := newBroker(t, nil)
	b.create("t", 1)
	b.limit("request_percentage=0.0000001")
	for _, req := range []kmsg.Request{
		latest(kmsg.NewPtrMetadataRequest()), latest(kmsg.NewPtrListOffsetsRequest()), latest(kmsg.NewPtrDescribeClientQuotasRequest()),
		latest(kmsg.NewPtrDescribeClusterRequest()), produceRequest(9, "t", metadata.TopicID{}, 0, 1, batch(t, 1, recordbatch.Options{})),
	} {
		resp := do[kmsg.Response](b.client(), req)
		if ms, _ := resp.(kmsg.ThrottleResponse).Throttle(); ms != 1000 {
			t.Errorf("%s: throttled %d ms", kmsg.NameForKey(req.Key()), ms)
		}
	}
	resp := do[*kmsg.FetchResponse](b.client(), fetchRequest(12, want{topic: "t"}))
	if resp.ThrottleMillis != 1000 || len(resp.Topics) != 0 {
		t.Errorf("fetch: throttled %d ms, %d topics", resp.ThrottleMillis, len(resp.Topics))
	}
	b.limit("-request_percentage") // the client that asks has to wait as well, on its connection
}

// Who has created or deleted too much is refused, or in old versions told to wait.
func TestControllerMutationQuota(t *testing.T) {
	b := newBroker(t, map[string]string{"num.partitions": "3"})
	const rate = "controller_mutation_rate=1" // eleven at once
	create := func(version int16, validateOnly bool, partitions ...int32) *kmsg.CreateTopicsResponse {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.ValidateOnly = version, validateOnly
		for i, n := range partitions {
			req.Topics = append(req.Topics, newTopic("v"+strconv.Itoa(int(version))+"-"+strconv.Itoa(int(n))+"-"+strconv.Itoa(i), n, 1))
		}
		return do[*kmsg.CreateTopicsResponse](b.client(), req)
	}
	remove := func(version int16, name string) *kmsg.DeleteTopicsResponse {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TopicNames = version, []string{name}
		if version >= 6 {
			req.TopicNames, req.Topics = nil, []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
		}
		return do[*kmsg.DeleteTopicsResponse](b.client(), req)
	}
	grow := func(version int16, name string, to int32) *kmsg.CreatePartitionsResponse {
		req := kmsg.NewPtrCreatePartitionsRequest()
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = name, to
		req.Version, req.Topics = version, append(req.Topics, topic)
		return do[*kmsg.CreatePartitionsResponse](b.client(), req)
	}
	exists := func(name string) bool {
		_, ok := b.meta.Image().Topic(name)
		return ok
	}
	b.create("small", 1)
	b.create("large", 40)
	b.limit(rate)

	// The first overdraws, the rest of the request is refused.
	made := create(7, false, 12, 2)
	wantCode(t, "within the quota", made.Topics[0].ErrorCode, nil)
	wantCode(t, "over the quota", made.Topics[1].ErrorCode, kerr.ThrottlingQuotaExceeded)
	if made.ThrottleMillis != 1000 || *made.Topics[1].ErrorMessage != "The throttling quota has been exceeded." || exists("v7-2-1") {
		t.Errorf("throttled %d ms, %q", made.ThrottleMillis, *made.Topics[1].ErrorMessage)
	}
	wantCode(t, "create v6", create(6, false, 1).Topics[0].ErrorCode, kerr.ThrottlingQuotaExceeded)
	wantCode(t, "delete v5", remove(5, "small").Topics[0].ErrorCode, kerr.ThrottlingQuotaExceeded)
	wantCode(t, "delete v6", remove(6, "small").Topics[0].ErrorCode, kerr.ThrottlingQuotaExceeded)
	wantCode(t, "delete what is not there", remove(6, "none").Topics[0].ErrorCode, kerr.UnknownTopicOrPartition)
	wantCode(t, "grow v3", grow(3, "small", 3).Topics[0].ErrorCode, kerr.ThrottlingQuotaExceeded)

	// Metadata makes no topic, and says that there is none.
	asked := kmsg.NewPtrMetadataRequest()
	asked.Version, asked.AllowAutoTopicCreation = 9, true
	asked.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("auto")}}
	wantCode(t, "auto-create", do[*kmsg.MetadataResponse](b.client(), asked).Topics[0].ErrorCode, kerr.UnknownTopicOrPartition)
	if exists("auto") {
		t.Error("a topic was made by Metadata")
	}

	// Older versions are served, and then wait: one is missing, then 4, 6, 7.
	if resp := create(5, false, 3); resp.Topics[0].ErrorCode != 0 || resp.ThrottleMillis != 4000 || !exists("v5-3-0") {
		t.Errorf("create v5: code %d, throttled %d ms", resp.Topics[0].ErrorCode, resp.ThrottleMillis)
	}
	if resp := grow(2, "small", 3); resp.Topics[0].ErrorCode != 0 || resp.ThrottleMillis != 6000 {
		t.Errorf("grow v2: code %d, throttled %d ms", resp.Topics[0].ErrorCode, resp.ThrottleMillis)
	}
	if resp := remove(4, "small"); resp.Topics[0].ErrorCode != 0 || resp.ThrottleMillis != 9000 || exists("small") {
		t.Errorf("delete v4: code %d, throttled %d ms", resp.Topics[0].ErrorCode, resp.ThrottleMillis)
	}

	// After the wait there is room again, also for more than there is. What is only checked counts as well.
	b.clock.advance(9 * time.Second)
	wantCode(t, "auto-create later", do[*kmsg.MetadataResponse](b.client(), asked).Topics[0].ErrorCode, nil)
	b.clock.advance(10 * time.Second)
	wantCode(t, "validate", create(7, true, 30).Topics[0].ErrorCode, nil)
	wantCode(t, "delete after", remove(6, "large").Topics[0].ErrorCode, kerr.ThrottlingQuotaExceeded)
	b.clock.advance(time.Minute)
	wantCode(t, "delete later", remove(6, "large").Topics[0].ErrorCode, nil)
	b.limit("-controller_mutation_rate")
	wantCode(t, "without a quota", create(7, false, 50).Topics[0].ErrorCode, nil)
}
