package handler_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

// Whatever a request says, no handler panics (see watch).
func FuzzRequests(f *testing.F) {
	b := newBroker(insideFuzz{f}, nil)
	id := b.create("t", 2)
	b.fill("t", 0, 3)
	add := func(req kmsg.Request) {
		f.Add(req.Key(), req.GetVersion(), req.AppendTo(nil))
	}
	for key := range int16(80) {
		req := kmsg.RequestForKey(key)
		if req == nil {
			continue
		}
		for _, v := range []int16{0, req.MaxVersion() / 2, req.MaxVersion()} {
			req.SetVersion(v)
			add(req)
		}
	}
	add(produceRequest(9, "t", metadata.TopicID{}, 0, -1, batch(f, 2, recordbatch.Options{Codec: recordbatch.LZ4})))
	add(produceRequest(13, "", id, 0, 1, batch(f, 2, recordbatch.Options{HasProducer: true, ProducerID: 3})))
	open := fetchRequest(18, want{id: id})
	open.SessionEpoch = 0
	add(open)
	add(listOffsets(11, "t", 0, -3))
	add(metadataRequest(12, "t", "u"))
	add(&kmsg.DescribeConfigsRequest{Version: 4, Resources: []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "t"}, {ResourceType: 4, ResourceName: "1"}}})
	add(&kmsg.CreateTopicsRequest{Version: 7, ValidateOnly: true, Topics: []kmsg.CreateTopicsRequestTopic{newTopic("v", 3, 1)}})
	add(&kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: 1, Cursor: &kmsg.DescribeTopicPartitionsRequestCursor{Topic: "t", Partition: 1}})
	add(&kmsg.IncrementalAlterConfigsRequest{Version: 1, Resources: []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: 2, ResourceName: "t", Configs: []op{{Name: "cleanup.policy", Op: 2, Value: kmsg.StringPtr("compact")}},
	}}})
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		req := kmsg.RequestForKey(key)
		if req == nil || version < 0 || version > req.MaxVersion() || len(body) > 1<<16 {
			return
		}
		req.SetVersion(version)
		frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz")).AppendRequest(nil, &raw{req, body}, 1)
		conn, err := b.pipe.Dial(t.Context(), "broker:9092")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(frame); err != nil {
			return
		}
		// An answer, the end, or neither: acks=0 and long polls.
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var head [8]byte
		if n, err := conn.Read(head[:]); err == nil && n == len(head) && binary.BigEndian.Uint32(head[4:]) != 1 {
			t.Fatalf("correlation id %d", binary.BigEndian.Uint32(head[4:]))
		}
	})
}

// insideFuzz is a testing.F that may be used while the fuzz target runs.
type insideFuzz struct{ testing.TB }

func (insideFuzz) Helper()                           {}
func (insideFuzz) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (insideFuzz) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }

// raw is a request whose body is any bytes.
type raw struct {
	kmsg.Request
	body []byte
}

func (r *raw) AppendTo(dst []byte) []byte { return append(dst, r.body...) }
