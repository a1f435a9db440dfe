package wire_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
)

func BenchmarkGuard(b *testing.B) {
	g := wire.NewGuard()
	run := func(name string, req kmsg.Request) {
		req.SetVersion(req.MaxVersion())
		body := req.AppendTo(nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Check(req.Key(), req.GetVersion(), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	produce := func(partitions int) kmsg.Request {
		req := kmsg.NewPtrProduceRequest()
		t := kmsg.NewProduceRequestTopic()
		t.Partitions = make([]kmsg.ProduceRequestTopicPartition, partitions)
		for i := range t.Partitions {
			t.Partitions[i].Records = make([]byte, 1024)
		}
		req.Topics = append(req.Topics, t)
		return req
	}
	run("produce-1", produce(1))
	run("produce-100", produce(100))
	fetch := kmsg.NewPtrFetchRequest()
	ft := kmsg.NewFetchRequestTopic()
	for range 100 {
		ft.Partitions = append(ft.Partitions, kmsg.NewFetchRequestTopicPartition())
	}
	fetch.Topics = append(fetch.Topics, ft)
	run("fetch-100", fetch)
	run("heartbeat", kmsg.NewPtrHeartbeatRequest())
}
