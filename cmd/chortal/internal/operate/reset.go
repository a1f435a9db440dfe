package operate

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Reset says where offsets shall go. One field is set.
type Reset struct {
	Earliest, Latest, Current bool
	Offset                    *int64
	Shift                     *int64
	Since                     *time.Time   // the first record at or after it
	Exact                     kadm.Offsets // of a file
}

// Planned is the offsets that a reset would commit for a group, and what was changed to make them fit.
type Planned struct {
	Group    string
	Offsets  []kadm.Offset
	Warnings []string
}

// Plan works out the offsets of a reset, without committing them. Offsets that lie outside a partition are moved to its nearest end.
func (r Reset) Plan(ctx context.Context, adm *kadm.Client, group string, partitions kadm.TopicsSet) (Planned, error) {
	plan := Planned{Group: group}
	if r.Exact != nil {
		partitions = r.Exact.TopicsSet()
	}
	if len(partitions) == 0 {
		return plan, nil
	}
	at, err := offsetsAt(ctx, adm, partitions.Topics(), r.Since)
	if err != nil {
		return plan, err
	}
	var committed kadm.OffsetResponses
	if r.Current || r.Shift != nil {
		if committed, err = adm.FetchOffsets(ctx, group); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return plan, fmt.Errorf("offsets of group %q: %w", group, err)
		}
	}
	for _, tp := range SortedPartitions(partitions) {
		start, okStart := at.start.Lookup(tp.Topic, tp.Partition)
		end, okEnd := at.end.Lookup(tp.Topic, tp.Partition)
		if !okStart || !okEnd {
			return plan, fmt.Errorf("partition %v: %w", tp, kerr.UnknownTopicOrPartition)
		}
		if err := errors.Join(start.Err, end.Err); err != nil {
			return plan, fmt.Errorf("offsets of %v: %w", tp, err)
		}
		now := int64(-1)
		if c, ok := committed.Lookup(tp.Topic, tp.Partition); ok && c.At >= 0 {
			now = c.At
		}
		want, err := r.target(tp, now, start.Offset, end.Offset, at.since)
		if err != nil {
			return plan, err
		}
		got := min(max(want, start.Offset), end.Offset)
		if got != want {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("offset %d of %v lies outside %d to %d: %d is taken", want, tp, start.Offset, end.Offset, got))
		}
		plan.Offsets = append(plan.Offsets, kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: got, LeaderEpoch: -1})
	}
	return plan, nil
}

type listed struct{ start, end, since kadm.ListedOffsets }

func offsetsAt(ctx context.Context, adm *kadm.Client, topics []string, since *time.Time) (at listed, err error) {
	if at.start, err = adm.ListStartOffsets(ctx, topics...); err != nil {
		return at, fmt.Errorf("start offsets: %w", err)
	}
	if at.end, err = adm.ListEndOffsets(ctx, topics...); err != nil {
		return at, fmt.Errorf("end offsets: %w", err)
	}
	if since != nil {
		if at.since, err = adm.ListOffsetsAfterMilli(ctx, since.UnixMilli(), topics...); err != nil {
			return at, fmt.Errorf("offsets at %s: %w", since.Format(time.RFC3339), err)
		}
	}
	return at, nil
}

func (r Reset) target(tp TopicPartition, now, start, end int64, since kadm.ListedOffsets) (int64, error) {
	switch {
	case r.Earliest:
		return start, nil
	case r.Latest:
		return end, nil
	case r.Offset != nil:
		return *r.Offset, nil
	case r.Current && now < 0:
		return end, nil
	case r.Current:
		return now, nil
	case r.Shift != nil && now < 0:
		return 0, fmt.Errorf("cannot shift the offset of %v: the group has committed none", tp)
	case r.Shift != nil:
		return now + *r.Shift, nil
	case r.Since != nil:
		o, ok := since.Lookup(tp.Topic, tp.Partition)
		if !ok || o.Err != nil || o.Offset < 0 {
			return end, nil
		}
		return o.Offset, nil
	case r.Exact != nil:
		o, _ := r.Exact.Lookup(tp.Topic, tp.Partition)
		return o.At, nil
	}
	return 0, errors.New("a reset without a target")
}

// Commit writes the offsets of a plan.
func (p Planned) Commit(ctx context.Context, adm *kadm.Client) error {
	offsets := kadm.Offsets{}
	for _, o := range p.Offsets {
		offsets.Add(o)
	}
	if len(offsets) == 0 {
		return nil
	}
	if err := adm.CommitAllOffsets(ctx, p.Group, offsets); err != nil {
		return fmt.Errorf("commit offsets of group %q: %w", p.Group, err)
	}
	return nil
}

// maxOffsetLines bounds a file of offsets.
const maxOffsetLines = 1_000_000

// ReadOffsets reads lines of topic,partition,offset, or of group,topic,partition,offset; the key of the result is the group, "" for the former.
func ReadOffsets(r io.Reader) (map[string]kadm.Offsets, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.TrimLeadingSpace = true
	all := map[string]kadm.Offsets{}
	for n := 1; ; n++ {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		if n > maxOffsetLines {
			return nil, fmt.Errorf("line %d: more than %d offsets", line, maxOffsetLines)
		}
		group := ""
		if len(fields) == 4 {
			group, fields = fields[0], fields[1:]
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d: want topic,partition,offset or group,topic,partition,offset", line)
		}
		partition, err1 := strconv.ParseInt(strings.TrimSpace(fields[1]), 10, 32)
		offset, err2 := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
			return nil, fmt.Errorf("line %d: partition %q and offset %q must be numbers from 0", line, fields[1], fields[2])
		}
		if all[group] == nil {
			all[group] = kadm.Offsets{}
		}
		offsets := all[group]
		offsets.Add(kadm.Offset{Topic: fields[0], Partition: int32(partition), At: offset, LeaderEpoch: -1})
	}
}

// ParseTopics reads "topic" or "topic:0,1" and fills in all partitions of the former.
func ParseTopics(ctx context.Context, adm *kadm.Client, list []string) (kadm.TopicsSet, error) {
	set := kadm.TopicsSet{}
	for _, item := range list {
		name, numbers, some := strings.Cut(item, ":")
		if !some {
			details, err := adm.ListTopicsWithInternal(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("topic %q: %w", name, err)
			}
			d, ok := details[name]
			if !ok {
				return nil, fmt.Errorf("topic %q: %w", name, kerr.UnknownTopicOrPartition)
			}
			if d.Err != nil {
				return nil, fmt.Errorf("topic %q: %w", name, d.Err)
			}
			set.Add(name, d.Partitions.Numbers()...)
			continue
		}
		for n := range strings.SplitSeq(numbers, ",") {
			p, err := strconv.ParseInt(n, 10, 32)
			if err != nil || p < 0 {
				return nil, fmt.Errorf("%s: %q is no partition", item, n)
			}
			set.Add(name, int32(p))
		}
	}
	return set, nil
}

// ParseISODuration reads P[nD][T[nH][nM][n[.n]S]] of ISO 8601, as Kafka's tools take it.
func ParseISODuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("duration %q: want PnDTnHnMnS, such as PT1H30M", text)
	rest, ok := strings.CutPrefix(strings.ToUpper(text), "P")
	if !ok || rest == "" || strings.HasSuffix(rest, "T") {
		return 0, bad
	}
	var sum time.Duration
	units := "D"
	for rest != "" {
		if after, ok := strings.CutPrefix(rest, "T"); ok && units == "D" || ok && units == "" {
			rest, units = after, "HMS"
			continue
		}
		end := strings.IndexAny(rest, units)
		if units == "" || end <= 0 {
			return 0, bad
		}
		n, err := strconv.ParseFloat(rest[:end], 64)
		if err != nil || rest[end] != 'S' && n != float64(int64(n)) {
			return 0, bad
		}
		unit := map[byte]time.Duration{'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}[rest[end]]
		if n*float64(unit) > float64(1<<62) {
			return 0, bad
		}
		sum += time.Duration(n * float64(unit))
		units = units[strings.IndexByte(units, rest[end])+1:]
		rest = rest[end+1:]
	}
	return sum, nil
}
