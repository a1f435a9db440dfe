package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chortal/chortal/internal/ventas"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The demo's topic.
const (
	demoTopic      = "ventas"
	demoPartitions = 4
	sellEvery      = 250 * time.Millisecond
	dayLasts       = 10 * time.Minute // a day of the live sales
)

// sampleLines is the sample of sales, a line each.
func sampleLines() ([][]byte, error) {
	var file bytes.Buffer
	if err := ventas.WriteSample(&file); err != nil {
		return nil, err
	}
	return bytes.Split(bytes.TrimSuffix(file.Bytes(), []byte("\n")), []byte("\n")), nil
}

func (n *node) client() (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(n.kafkaAddr()),
		kgo.ClientID("chortal-demo"),
		kgo.DefaultProduceTopic(demoTopic),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.MetadataMinAge(metadataMinAge),
	)
}

// loadSample creates the topic and writes the sample sales to it. It returns
// false, and writes nothing, when the topic has been there before.
func loadSample(ctx context.Context, cl *kgo.Client) (loaded bool, err error) {
	forever := "-1"
	r, err := kadm.NewClient(cl).CreateTopic(ctx, demoPartitions, 1, map[string]*string{"retention.ms": &forever}, demoTopic)
	if err == nil {
		err = r.Err
	}
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("create topic %q: %w", demoTopic, err)
	}
	lines, err := sampleLines()
	if err != nil {
		return false, err
	}
	var failure kgo.FirstErrPromise
	for _, line := range lines {
		cl.Produce(ctx, &kgo.Record{Value: line}, failure.Promise())
	}
	if err := failure.Err(); err != nil {
		return false, fmt.Errorf("load %q: %w", demoTopic, err)
	}
	return true, nil
}

// sell loads the sample and then goes on selling, a few sales a second.
func (s *settings) sell(ctx context.Context, n *node) error {
	cl, err := n.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	loaded, err := loadSample(ctx, cl)
	if err != nil {
		return err
	}
	if loaded {
		fmt.Fprintf(s.out, "  demo: %d sales loaded, %d a second follow\n", ventas.SampleSales, time.Second/sellEvery)
	}
	tills := ventas.NewGenerator(uint64(time.Now().UnixNano()))
	// The days go on where the sample ends: sales of today would push stream
	// time far beyond the sample, whose days would then rightly be late.
	opened, first := time.Now(), ventas.SampleStart.AddDate(0, 0, ventas.SampleDays)
	tick := time.NewTicker(sellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			day := first.AddDate(0, 0, int(now.Sub(opened)/dayLasts))
			cl.Produce(ctx, &kgo.Record{Value: tills.Next(day).AppendJSON(nil)}, func(_ *kgo.Record, err error) {
				if err != nil && ctx.Err() == nil {
					s.logger().Warn("a sale was not written", "err", err)
				}
			})
		}
	}
}
