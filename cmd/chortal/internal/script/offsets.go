package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func getOffsetsTool() Tool {
	return Tool{
		Name: "kafka-get-offsets", About: "An interactive shell for getting topic-partition offsets.", run: runGetOffsets,
		flags: []flag{
			{"topic", "topic", "Topic, a regular expression; default all."},
			{"partitions", "partition ids", "Partitions, comma separated."},
			{"topic-partitions", "topic1:1,topic2:0-3", "Topic patterns with partitions."},
			{"time", "<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp", "Time of the offsets, default latest."},
			{"exclude-internal-topics", "", "Without internal topics."},
		},
	}
}

// partitionRule is a topic pattern with the partitions that it takes.
type partitionRule struct {
	topic *regexp.Regexp
	takes func(int32) bool
}

func (c *call) partitionRules() ([]partitionRule, error) {
	if !c.has("topic-partitions") {
		topic := c.value("topic")
		if topic == "" {
			topic = ".*"
		}
		r, err := parseRule(topic, c.value("partitions"))
		return []partitionRule{r}, err
	}
	if c.has("topic") || c.has("partitions") {
		return nil, errors.New("--topic-partitions cannot be used with --topic or --partitions")
	}
	var all []partitionRule
	for _, item := range c.list("topic-partitions") {
		topic, partitions, _ := strings.Cut(item, ":")
		if topic == "" {
			topic = ".*"
		}
		r, err := parseRule(topic, partitions)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// parseRule reads a pattern, and partitions as 0,2 or 1-3 with an open end; empty takes all.
func parseRule(topic, partitions string) (partitionRule, error) {
	re, err := regexp.Compile("^(?:" + topic + ")$")
	if err != nil {
		return partitionRule{}, fmt.Errorf("invalid topic pattern %s: %w", topic, err)
	}
	var ranges [][2]int64
	for item := range strings.SplitSeq(partitions, ",") {
		if item == "" {
			continue
		}
		low, high, isRange := strings.Cut(item, "-")
		from, err1 := strconv.ParseInt(orZero(low), 10, 32)
		to, err2 := from+1, error(nil)
		if isRange {
			to = 1 << 31
			if high != "" {
				to, err2 = strconv.ParseInt(high, 10, 32)
			}
		}
		if err1 != nil || err2 != nil || from < 0 {
			return partitionRule{}, fmt.Errorf("--partitions expects a comma separated list of numeric partition ids, but received: %s", partitions)
		}
		ranges = append(ranges, [2]int64{from, to})
	}
	return partitionRule{re, func(p int32) bool {
		return len(ranges) == 0 || slices.ContainsFunc(ranges, func(r [2]int64) bool { return int64(p) >= r[0] && int64(p) < r[1] })
	}}, nil
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

func runGetOffsets(ctx context.Context, c *call) error {
	err := c.getOffsets(ctx)
	if _, wrong := errors.AsType[*wrongUse](err); err == nil || wrong {
		return err
	}
	fmt.Fprintf(c.Err, "Error occurred: %s\n", javaText(err))
	return exitError(1)
}

func (c *call) getOffsets(ctx context.Context) error {
	rules, err := c.partitionRules()
	if err != nil {
		return err
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	all, err := c.adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return err
	}
	set := kadm.TopicsSet{}
	for _, t := range all.Sorted() {
		if c.has("exclude-internal-topics") && t.IsInternal {
			continue
		}
		for _, r := range rules {
			if !r.topic.MatchString(t.Topic) {
				continue
			}
			for _, p := range t.Partitions.Numbers() {
				if r.takes(p) {
					set.Add(t.Topic, p)
				}
			}
		}
	}
	if len(set) == 0 {
		return errors.New("Could not match any topic-partitions with the specified filters") //nolint:staticcheck // Kafka's words
	}
	listed, byTime, err := c.offsetsOf(ctx, set.Topics())
	if err != nil {
		return err
	}
	for _, t := range set.Sorted() {
		for _, p := range t.Partitions {
			o, _ := listed.Lookup(t.Topic, p)
			switch {
			case o.Err != nil:
				fmt.Fprintf(c.Err, "Skip getting offsets for topic-partition %s-%d due to error: %s\n", t.Topic, p, javaText(o.Err))
			case o.Offset >= 0 && (!byTime || o.Timestamp >= 0):
				c.printf("%s:%d:%d\n", t.Topic, p, o.Offset)
			}
		}
	}
	return nil
}

func (c *call) offsetsOf(ctx context.Context, topics []string) (listed kadm.ListedOffsets, byTime bool, err error) {
	switch when := c.value("time"); when {
	case "", "-1", "latest":
		listed, err = c.adm.ListEndOffsets(ctx, topics...)
	case "-2", "earliest":
		listed, err = c.adm.ListStartOffsets(ctx, topics...)
	case "-3", "max-timestamp":
		listed, err = c.adm.ListMaxTimestampOffsets(ctx, topics...)
	case "-4", "earliest-local":
		listed, err = c.adm.ListLocalLogStartOffsets(ctx, topics...)
	case "-5", "latest-tiered":
		listed, err = c.adm.ListLatestRemoteOffsets(ctx, topics...)
	default:
		ms, perr := strconv.ParseInt(when, 10, 64)
		if perr != nil || ms < 0 {
			return nil, false, fmt.Errorf("Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered, or a specified long format timestamp", when) //nolint:staticcheck // Kafka's words
		}
		listed, err = c.adm.ListOffsetsAfterMilli(ctx, ms, topics...)
		byTime = true
	}
	return listed, byTime, err
}

func deleteRecordsTool() Tool {
	return Tool{
		Name: "kafka-delete-records", About: "This tool helps to delete records of the given partitions down to the specified offset.", run: runDeleteRecords,
		flags: []flag{{"offset-json-file", "file", `REQUIRED: The JSON file: {"partitions":[{"topic":"foo","partition":1,"offset":1}],"version":1}`}},
	}
}

func runDeleteRecords(ctx context.Context, c *call) error {
	data, err := os.ReadFile(c.value("offset-json-file"))
	if err != nil {
		return err
	}
	var file struct {
		Version    int `json:"version"`
		Partitions []struct {
			Topic     string `json:"topic"`
			Partition int32  `json:"partition"`
			Offset    int64  `json:"offset"`
		} `json:"partitions"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return fmt.Errorf("%s: %w", c.value("offset-json-file"), err)
	}
	ctx, cancel, err := c.admin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	offsets := kadm.Offsets{}
	for _, p := range file.Partitions {
		if _, twice := offsets.Lookup(p.Topic, p.Partition); twice {
			return fmt.Errorf("Offset json file contains duplicate topic partitions: %s-%d", p.Topic, p.Partition) //nolint:staticcheck // Kafka's words
		}
		offsets.Add(kadm.Offset{Topic: p.Topic, Partition: p.Partition, At: p.Offset})
	}
	c.printf("Executing records delete operation\n")
	done, err := c.adm.DeleteRecords(ctx, offsets)
	if err != nil && len(done) == 0 {
		return err
	}
	c.printf("Records delete operation completed:\n")
	for _, o := range offsets.Sorted() {
		r, ok := done.Lookup(o.Topic, o.Partition)
		if !ok {
			r.Err = kerr.UnknownTopicOrPartition
		}
		if r.Err != nil {
			c.printf("partition: %s-%d\terror: %s\n", o.Topic, o.Partition, javaText(r.Err))
			continue
		}
		c.printf("partition: %s-%d\tlow_watermark: %d\n", o.Topic, o.Partition, r.LowWatermark)
	}
	return nil
}
