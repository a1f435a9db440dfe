package script

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

func consoleProducerTool() Tool {
	return Tool{
		Name: "kafka-console-producer", About: "This tool helps to read data from standard input and publish it to Kafka.", run: runConsoleProducer,
		flags: []flag{
			{"topic", "topic", "REQUIRED: The topic to produce to."},
			{"property", "prop", "Property of the reader; the same as --reader-property."},
			{"reader-property", "prop", "parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, headers.key.separator, null.marker, ignore.error"},
			{"producer-property", "prop", "Property of the producer."},
			{"command-property", "prop", "Property of the producer."},
			{"producer.config", "file", "Property file of the producer."},
			{"compression-codec", "[codec]", "none, gzip, snappy, lz4 or zstd; gzip without a value."},
			{"request-required-acks", "acks", "0, 1, -1 or all."},
			{"sync", "", "One record after the other."},
			{"batch-size", "size", "Accepted for compatibility."},
			{"timeout", "ms", "Accepted for compatibility."},
			{"line-reader", "class", "Accepted for compatibility."},
			{"request-timeout-ms", "ms", "Accepted for compatibility."},
			{"message-send-max-retries", "n", "Accepted for compatibility."},
			{"retry-backoff-ms", "ms", "Accepted for compatibility."},
			{"max-block-ms", "ms", "Accepted for compatibility."},
			{"max-memory-bytes", "n", "Accepted for compatibility."},
			{"max-partition-memory-bytes", "n", "Accepted for compatibility."},
			{"metadata-expiry-ms", "ms", "Accepted for compatibility."},
			{"socket-buffer-size", "n", "Accepted for compatibility."},
		},
	}
}

// properties reads key=value of flags; a key alone is empty.
func (c *call) properties(names ...string) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		for _, kv := range c.values[name] {
			k, v, _ := strings.Cut(kv, "=")
			all[k] = v
		}
	}
	return all
}

func producerOptions(c *call) ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.DefaultProduceTopic(c.value("topic"))}
	codec := c.props["compression.type"]
	if c.has("compression-codec") {
		if codec = c.value("compression-codec"); codec == "" {
			codec = "gzip"
		}
	}
	switch codec {
	case "", "none":
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
		return nil, misuse("Unknown compression name: %s", codec)
	}
	acks := c.props["acks"]
	if c.has("request-required-acks") {
		acks = c.value("request-required-acks")
	}
	switch acks {
	case "", "-1", "all":
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, misuse("Invalid value %s for configuration acks", acks)
	}
	return opts, nil
}

func runConsoleProducer(ctx context.Context, c *call) error {
	if c.value("topic") == "" {
		return misuse("Missing required argument \"[topic]\"")
	}
	opts, err := producerOptions(c)
	if err != nil {
		return err
	}
	reader := newLineReader(c.In, c.properties("property", "reader-property"))
	if err := c.connect(opts...); err != nil {
		return err
	}
	var (
		mu    sync.Mutex
		first error
	)
	for {
		r, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			_ = c.cl.Flush(ctx)
			return err
		}
		promise := func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
		}
		if c.has("sync") {
			promise(nil, c.cl.ProduceSync(ctx, r).FirstErr())
		} else {
			c.cl.Produce(ctx, r, promise)
		}
	}
	if err := c.cl.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if first != nil {
		fmt.Fprintf(c.Err, "ERROR Error when sending message to topic %s with error: %s\n", c.value("topic"), javaText(first))
		return exitError(1)
	}
	return nil
}

// lineReader turns lines into records as LineMessageReader does.
type lineReader struct {
	in   *bufio.Reader
	p    map[string]string
	line int
}

func newLineReader(in io.Reader, p map[string]string) *lineReader {
	for k, v := range map[string]string{"key.separator": "\t", "headers.delimiter": "\t", "headers.separator": ",", "headers.key.separator": ":"} {
		if p[k] == "" {
			p[k] = v
		}
	}
	return &lineReader{in: bufio.NewReader(in), p: p}
}

// maxLine bounds a line of the input.
const maxLine = 256 << 20

func (l *lineReader) next() (*kgo.Record, error) {
	text, err := l.in.ReadString('\n')
	if err != nil && text == "" {
		return nil, err
	}
	if len(text) > maxLine {
		return nil, fmt.Errorf("line %d is longer than %d bytes", l.line+1, maxLine)
	}
	l.line++
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	r := &kgo.Record{}
	if l.p["parse.headers"] == "true" {
		head, rest, err := l.cut(text, l.p["headers.delimiter"], "headers delimiter")
		if err != nil {
			return nil, err
		}
		text = rest
		if head != l.p["null.marker"] || head == "" {
			for item := range strings.SplitSeq(head, l.p["headers.separator"]) {
				k, v, ok := strings.Cut(item, l.p["headers.key.separator"])
				if !ok {
					return nil, fmt.Errorf("No header key separator found in pair '%s' on line number %d", item, l.line) //nolint:staticcheck // Kafka's words
				}
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: l.value(v)})
			}
		}
	}
	if l.p["parse.key"] == "true" {
		key, rest, err := l.cut(text, l.p["key.separator"], "key separator")
		if err != nil {
			return nil, err
		}
		r.Key, text = l.value(key), rest
	}
	r.Value = l.value(text)
	return r, nil
}

func (l *lineReader) value(text string) []byte {
	if marker, ok := l.p["null.marker"]; ok && marker == text {
		return nil
	}
	return []byte(text)
}

func (l *lineReader) cut(text, separator, what string) (before, after string, err error) {
	before, after, ok := strings.Cut(text, separator)
	if !ok && l.p["ignore.error"] == "true" {
		return "", text, nil
	}
	if !ok {
		return "", "", fmt.Errorf("No %s found on line number %d: '%s'", what, l.line, text) //nolint:staticcheck // Kafka's words
	}
	return before, after, nil
}
