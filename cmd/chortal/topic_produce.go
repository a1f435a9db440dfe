package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

type produceFlags struct {
	format      string
	key         string
	headers     []string
	partition   int32
	tombstone   bool
	compression string
	acks        int
}

func newTopicProduce(s *settings) *cobra.Command {
	var f produceFlags
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Write records from standard input, one a line",
		Long: `Write records from standard input to a topic, one a line.

The format says how a line is read: %v is the value, %k the key, %t the topic,
%h the headers, %p the partition; \n and \t are a line end and a tab.`,
		Example: `  echo '{"que":"café","precio":1.5,"a_quien":"Ana","dia":"2026-03-02"}' | chortal topic produce ventas
  chortal topic produce clientes -f '%k\t%v\n' <clientes.tsv`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeTopics,
		RunE: func(c *cobra.Command, args []string) error {
			return s.produce(c, args[0], f)
		},
	}
	c.Flags().StringVarP(&f.format, "format", "f", `%v\n`, "how a record is read")
	c.Flags().StringVarP(&f.key, "key", "k", "", "key of every record")
	c.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "header of every record as key:value, repeatable")
	c.Flags().Int32VarP(&f.partition, "partition", "p", -1, "partition to write to; -1 chooses by key")
	c.Flags().BoolVarP(&f.tombstone, "tombstone", "Z", false, "write a null for an empty value")
	c.Flags().StringVarP(&f.compression, "compression", "z", "none", "none, gzip, snappy, lz4 or zstd")
	c.Flags().IntVar(&f.acks, "acks", -1, "acknowledgements to wait for: 0, 1, or -1 for all")
	return c
}

func (f produceFlags) options(topic string) ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.DefaultProduceTopic(topic), kgo.RecordDeliveryTimeout(0)}
	switch f.compression {
	case "none":
		opts = append(opts, kgo.ProducerBatchCompression(kgo.NoCompression()))
	case "gzip":
		opts = append(opts, kgo.ProducerBatchCompression(kgo.GzipCompression()))
	case "snappy":
		opts = append(opts, kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	case "lz4":
		opts = append(opts, kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	case "zstd":
		opts = append(opts, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	default:
		return nil, fmt.Errorf("--compression %s: want none, gzip, snappy, lz4 or zstd", f.compression)
	}
	switch f.acks {
	case -1:
	case 0:
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case 1:
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, fmt.Errorf("--acks %d: want 0, 1 or -1", f.acks)
	}
	if f.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

func (s *settings) produce(c *cobra.Command, topic string, f produceFlags) error {
	opts, err := f.options(topic)
	if err != nil {
		return usage(c, err)
	}
	headers, err := parseHeaders(f.headers)
	if err != nil {
		return usage(c, err)
	}
	reader, err := kgo.NewRecordReader(s.in, f.format)
	if err != nil {
		return usage(c, fmt.Errorf("--format %s: %w", f.format, err))
	}
	cl, err := s.client(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	if err := s.ping(ctx, cl); err != nil {
		return err
	}
	var (
		once sync.Once
		sent int
	)
	for ctx.Err() == nil {
		r, err := reader.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			cancel(fmt.Errorf("record %d of the input: %w", sent+1, err))
			break
		}
		f.complete(r, headers)
		sent++
		cl.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { cancel(fmt.Errorf("produce to %q: %w", r.Topic, err)) })
			}
		})
	}
	if err := context.Cause(ctx); err != nil && c.Context().Err() == nil {
		return err
	}
	if err := cl.Flush(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return fmt.Errorf("flush: %w", err)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if !s.quiet {
		fmt.Fprintf(s.err, "%d records to %s\n", sent, topic)
	}
	return nil
}

func (s *settings) ping(ctx context.Context, cl *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := cl.Ping(ctx); err != nil {
		return fmt.Errorf("connect to %s: %w", strings.Join(s.brokers, ","), err)
	}
	return nil
}

// complete adds what the flags say to a record that was read.
func (f produceFlags) complete(r *kgo.Record, headers []kgo.RecordHeader) {
	if f.key != "" {
		r.Key = []byte(f.key)
	}
	if f.tombstone && len(r.Value) == 0 {
		r.Value = nil
	}
	if f.partition >= 0 {
		r.Partition = f.partition
	}
	r.Headers = append(r.Headers, headers...)
}

func parseHeaders(list []string) ([]kgo.RecordHeader, error) {
	var headers []kgo.RecordHeader
	for _, h := range list {
		k, v, ok := strings.Cut(h, ":")
		if !ok {
			return nil, fmt.Errorf("--header %s: want key:value", h)
		}
		headers = append(headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
	}
	return headers, nil
}
