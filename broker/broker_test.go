package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/internal/testcluster"
)

func TestProduceAndConsume(t *testing.T) {
	for _, cfg := range []testcluster.Config{{}, {OnDisk: true}, {TCP: true}, {OnDisk: true, TCP: true, Properties: map[string]string{"durability": "fsync"}}} {
		t.Run(fmt.Sprintf("disk=%v,tcp=%v", cfg.OnDisk, cfg.TCP), func(t *testing.T) {
			c := testcluster.Start(t, cfg)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			client := c.Client(kgo.DefaultProduceTopic("ventas"), kgo.ConsumeTopics("ventas"), kgo.AllowAutoTopicCreation())
			const records = 1000
			for i := range records {
				client.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
			if err := client.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			for seen := 0; seen < records; {
				fetches := client.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				for r := range fetches.RecordsAll() {
					if string(r.Value) != fmt.Sprint(r.Offset) {
						t.Fatalf("offset %d holds %q", r.Offset, r.Value)
					}
					seen++
				}
			}
		})
	}
}
