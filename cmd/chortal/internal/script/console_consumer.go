package script

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func consoleConsumerTool() Tool {
	return Tool{
		Name: "kafka-console-consumer", About: "This tool helps to read data from Kafka topics and outputs it to standard output.", run: runConsoleConsumer,
		flags: []flag{
			{"topic", "topic", "The topic to consume."},
			{"include", "pattern", "Topics by a regular expression."},
			{"partition", "partition", "The partition to consume."},
			{"offset", "offset", "Where to begin: a number, earliest or latest (default)."},
			{"from-beginning", "", "Begin with the earliest record."},
			{"max-messages", "n", "End after so many records."},
			{"timeout-ms", "ms", "End when no record came for so long."},
			{"group", "group", "The consumer group."},
			{"isolation-level", "level", "read_committed or read_uncommitted (default)."},
			{"property", "prop", "Property of the formatter; the same as --formatter-property."},
			{"formatter-property", "prop", "print.timestamp, print.key, print.offset, print.epoch, print.partition, print.headers, print.value, key.separator, line.separator, headers.separator, null.literal"},
			{"consumer-property", "prop", "Property of the consumer."},
			{"command-property", "prop", "Property of the consumer."},
			{"consumer.config", "file", "Property file of the consumer."},
			{"formatter", "class", "org.apache.kafka.tools.consumer.DefaultMessageFormatter, NoOpMessageFormatter or LoggingMessageFormatter."},
			{"key-deserializer", "class", "StringDeserializer or ByteArrayDeserializer."},
			{"value-deserializer", "class", "StringDeserializer or ByteArrayDeserializer."},
			{"skip-message-on-error", "", "Accepted for compatibility."},
			{"enable-systest-events", "", "Accepted for compatibility."},
		},
	}
}

func consumerOptions(c *call) ([]kgo.Opt, error) {
	if c.has("topic") == c.has("include") {
		return nil, misuse("Exactly one of --include/--topic is required.")
	}
	reset := kgo.NewOffset().AtEnd()
	if c.has("from-beginning") || c.props["auto.offset.reset"] == "earliest" {
		reset = kgo.NewOffset().AtStart()
	}
	switch at := c.value("offset"); at {
	case "", "latest":
	case "earliest":
		reset = kgo.NewOffset().AtStart()
	default:
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil || n < 0 {
			return nil, misuse("The provided offset value '%s' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.", at)
		}
		reset = kgo.NewOffset().At(n)
	}
	opts := []kgo.Opt{kgo.ConsumeResetOffset(reset), kgo.ConsumeStartOffset(reset)}
	if c.has("offset") && !c.has("partition") {
		return nil, misuse("The partition is required when offset is specified.")
	}
	group := c.value("group")
	if group == "" {
		group = c.props["group.id"]
	}
	switch {
	case c.has("partition"):
		p, err := strconv.ParseInt(c.value("partition"), 10, 32)
		if err != nil || p < 0 || group != "" {
			return nil, misuse("Options group and partition cannot be specified together, and a partition is a number.")
		}
		opts = append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.value("topic"): {int32(p): reset}}))
	case c.has("include"):
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics("^(?:"+c.value("include")+")$"))
	default:
		opts = append(opts, kgo.ConsumeTopics(c.value("topic")))
	}
	if group != "" {
		opts = append(opts, kgo.ConsumerGroup(group))
	}
	level := c.value("isolation-level")
	if level == "" {
		level = c.props["isolation.level"]
	}
	if level == "read_committed" {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return opts, nil
}

func runConsoleConsumer(ctx context.Context, c *call) error {
	opts, err := consumerOptions(c)
	if err != nil {
		return err
	}
	format, err := newFormatter(c)
	if err != nil {
		return err
	}
	most, timeout := int64(-1), time.Duration(0)
	if c.has("max-messages") {
		if most, err = strconv.ParseInt(c.value("max-messages"), 10, 64); err != nil {
			return misuse("Cannot parse argument '%s' of option max-messages", c.value("max-messages"))
		}
	}
	if c.has("timeout-ms") {
		ms, err := strconv.ParseInt(c.value("timeout-ms"), 10, 64)
		if err != nil {
			return misuse("Cannot parse argument '%s' of option timeout-ms", c.value("timeout-ms"))
		}
		timeout = time.Duration(ms) * time.Millisecond
	}
	if err := c.connect(opts...); err != nil {
		return err
	}
	seen, err := c.consume(ctx, format, most, timeout)
	fmt.Fprintf(c.Err, "Processed a total of %d messages\n", seen)
	return err
}

func (c *call) consume(ctx context.Context, format *formatter, most int64, timeout time.Duration) (seen int64, err error) {
	out := bufio.NewWriter(c.Out)
	defer func() { err = errors.Join(err, out.Flush()) }()
	for most < 0 || seen < most {
		poll, cancel := ctx, func() {}
		if timeout > 0 {
			poll, cancel = context.WithTimeout(ctx, timeout)
		}
		fetches := c.cl.PollFetches(poll)
		late := poll.Err() != nil && ctx.Err() == nil
		cancel()
		if ctx.Err() != nil {
			return seen, nil
		}
		if late && fetches.NumRecords() == 0 {
			return seen, nil
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return seen, e.Err
			}
		}
		var done []*kgo.Record
		for iter := fetches.RecordIter(); !iter.Done() && (most < 0 || seen < most); {
			r := iter.Next()
			format.write(out, r)
			done = append(done, r)
			seen++
		}
		if err := out.Flush(); err != nil {
			return seen, nil // whoever reads has gone
		}
		if group, _ := c.cl.GroupMetadata(); group != "" && len(done) > 0 {
			if err := c.cl.CommitRecords(ctx, done...); err != nil {
				return seen, err
			}
		}
	}
	return seen, nil
}

// formatter writes records as DefaultMessageFormatter does.
type formatter struct {
	silent bool
	p      map[string]string
}

func newFormatter(c *call) (*formatter, error) {
	f := &formatter{p: c.properties("property", "formatter-property")}
	for k, v := range map[string]string{"key.separator": "\t", "line.separator": "\n", "headers.separator": ",", "null.literal": "null", "print.value": "true"} {
		if _, ok := f.p[k]; !ok {
			f.p[k] = v
		}
	}
	class := c.value("formatter")
	switch class[strings.LastIndexByte(class, '.')+1:] {
	case "", "DefaultMessageFormatter":
	case "NoOpMessageFormatter":
		f.silent = true
	default:
		return nil, misuse("formatter %s is not built in: `chortal log dump --print-data-log` decodes internal topics", class)
	}
	for _, name := range []string{"key-deserializer", "value-deserializer"} {
		class := c.value(name)
		if class != "" && !strings.HasSuffix(class, "StringDeserializer") && !strings.HasSuffix(class, "ByteArrayDeserializer") {
			return nil, misuse("--%s %s is not built in: want StringDeserializer or ByteArrayDeserializer", name, class)
		}
	}
	return f, nil
}

func (f *formatter) write(out *bufio.Writer, r *kgo.Record) {
	if f.silent {
		return
	}
	var parts []string
	add := func(property, text string) {
		if f.p[property] == "true" {
			parts = append(parts, text)
		}
	}
	kind := "CreateTime"
	if r.Attrs.TimestampType() == 1 {
		kind = "LogAppendTime"
	}
	add("print.timestamp", kind+":"+strconv.FormatInt(r.Timestamp.UnixMilli(), 10))
	add("print.partition", "Partition:"+strconv.Itoa(int(r.Partition)))
	add("print.offset", "Offset:"+strconv.FormatInt(r.Offset, 10))
	add("print.delivery", "Delivery:NOT_PRESENT")
	add("print.epoch", "Epoch:"+strconv.Itoa(int(r.LeaderEpoch)))
	headers := "NO_HEADERS"
	if len(r.Headers) > 0 {
		var list []string
		for _, h := range r.Headers {
			list = append(list, h.Key+":"+f.text(h.Value))
		}
		headers = strings.Join(list, f.p["headers.separator"])
	}
	add("print.headers", headers)
	add("print.key", f.text(r.Key))
	add("print.value", f.text(r.Value))
	_, _ = out.WriteString(strings.Join(parts, f.p["key.separator"]) + f.p["line.separator"])
}

func (f *formatter) text(p []byte) string {
	if p == nil {
		return f.p["null.literal"]
	}
	return string(p)
}
