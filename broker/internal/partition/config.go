package partition

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/internal/recordbatch"
)

// TopicConfig is what a partition must know of its topic's configuration. Make it with [ParseTopicConfig] or change a
// [DefaultTopicConfig]: the zero value is not usable.
type TopicConfig struct {
	SegmentBytes       int64             // segment.bytes
	SegmentAge         time.Duration     // segment.ms
	SegmentJitter      time.Duration     // segment.jitter.ms
	IndexBytes         int64             // segment.index.bytes
	IndexInterval      int64             // index.interval.bytes
	RetentionBytes     int64             // retention.bytes; -1: no limit
	RetentionAge       time.Duration     // retention.ms; negative: no limit
	FileDeleteDelay    time.Duration     // file.delete.delay.ms
	Delete, Compact    bool              // cleanup.policy
	MaxMessageBytes    int32             // max.message.bytes
	KeepCodec          bool              // compression.type=producer
	Compression        recordbatch.Codec // compression.type, unless KeepCodec
	Level              recordbatch.Level // compression.gzip.level, .lz4.level or .zstd.level, as Compression is
	Preallocate        bool              // preallocate
	TimestampType      recordbatch.TimestampType
	TimestampBeforeMax time.Duration // message.timestamp.before.max.ms; negative: no limit
	TimestampAfterMax  time.Duration // message.timestamp.after.max.ms; negative: no limit
	FlushMessages      int64         // flush.messages
	FlushInterval      time.Duration // flush.ms
	MinInSyncReplicas  int32         // min.insync.replicas
	DeleteRetention    time.Duration // delete.retention.ms
	MinCleanableRatio  float64       // min.cleanable.dirty.ratio
	MinCompactionLag   time.Duration // min.compaction.lag.ms
	MaxCompactionLag   time.Duration // max.compaction.lag.ms
	ValidateFull       bool          // validate.records=full: decompress and walk every batch
}

// forever is a duration without limit, as Long.MAX ms means it.
const forever = time.Duration(math.MaxInt64)

// DefaultTopicConfig is Kafka's defaults.
func DefaultTopicConfig() TopicConfig {
	return TopicConfig{
		SegmentBytes: 1 << 30, SegmentAge: 7 * 24 * time.Hour, IndexBytes: 10 << 20, IndexInterval: 4096,
		RetentionBytes: -1, RetentionAge: 7 * 24 * time.Hour, FileDeleteDelay: time.Minute, Delete: true,
		MaxMessageBytes: 1<<20 + 12, KeepCodec: true,
		TimestampBeforeMax: -1, TimestampAfterMax: time.Hour,
		FlushMessages: math.MaxInt64, FlushInterval: forever, MinInSyncReplicas: 1,
		DeleteRetention: 24 * time.Hour, MinCleanableRatio: 0.5, MaxCompactionLag: forever,
	}
}

// ParseTopicConfig builds the configuration from topic keys (retention.ms, cleanup.policy, ...). get gives the
// effective value of a key, or "" for Kafka's default; durations are in ms as text, where -1 and Long.MAX mean no
// limit.
func ParseTopicConfig(get func(key string) string) (TopicConfig, error) {
	c := DefaultTopicConfig()
	p := &configParser{get: get}
	p.integer("segment.bytes", &c.SegmentBytes)
	p.duration("segment.ms", &c.SegmentAge)
	p.duration("segment.jitter.ms", &c.SegmentJitter)
	p.integer("segment.index.bytes", &c.IndexBytes)
	p.integer("index.interval.bytes", &c.IndexInterval)
	p.integer("retention.bytes", &c.RetentionBytes)
	p.duration("retention.ms", &c.RetentionAge)
	p.duration("file.delete.delay.ms", &c.FileDeleteDelay)
	p.duration("message.timestamp.before.max.ms", &c.TimestampBeforeMax)
	p.duration("message.timestamp.after.max.ms", &c.TimestampAfterMax)
	p.integer("flush.messages", &c.FlushMessages)
	p.duration("flush.ms", &c.FlushInterval)
	p.duration("delete.retention.ms", &c.DeleteRetention)
	p.duration("min.compaction.lag.ms", &c.MinCompactionLag)
	p.duration("max.compaction.lag.ms", &c.MaxCompactionLag)
	size, replicas := int64(c.MaxMessageBytes), int64(c.MinInSyncReplicas)
	p.integer("max.message.bytes", &size)
	p.integer("min.insync.replicas", &replicas)
	c.MaxMessageBytes, c.MinInSyncReplicas = int32(min(size, math.MaxInt32)), int32(min(replicas, math.MaxInt32))
	p.choices(&c)
	return c, p.err
}

// configParser keeps the first error.
type configParser struct {
	get func(string) string
	err error
}

func (p *configParser) fail(key, value string) {
	if p.err == nil {
		p.err = fmt.Errorf("invalid value %q for %s", value, key)
	}
}

func (p *configParser) integer(key string, dst *int64) {
	text := p.get(key)
	if text == "" {
		return
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.fail(key, text)
		return
	}
	*dst = v
}

// duration reads ms; what does not fit a Duration is for ever.
func (p *configParser) duration(key string, dst *time.Duration) {
	ms := int64(math.MinInt64)
	p.integer(key, &ms)
	switch {
	case ms == math.MinInt64:
	case ms < 0:
		*dst = -1
	case ms > int64(forever/time.Millisecond):
		*dst = forever
	default:
		*dst = time.Duration(ms) * time.Millisecond
	}
}

func (p *configParser) choices(c *TopicConfig) {
	if text := p.get("cleanup.policy"); text != "" {
		c.Delete, c.Compact = false, false
		for policy := range strings.SplitSeq(text, ",") {
			switch strings.TrimSpace(policy) {
			case "delete":
				c.Delete = true
			case "compact":
				c.Compact = true
			default:
				p.fail("cleanup.policy", text)
			}
		}
	}
	if text := p.get("compression.type"); text != "" {
		c.KeepCodec = text == "producer"
		if codec, err := recordbatch.ParseCodec(text); err == nil {
			c.Compression = codec
		} else if !c.KeepCodec {
			p.fail("compression.type", text)
		}
	}
	p.level(c)
	c.Preallocate = strings.EqualFold(p.get("preallocate"), "true")
	switch text := p.get("message.timestamp.type"); text {
	case "", "CreateTime":
	case "LogAppendTime":
		c.TimestampType = recordbatch.LogAppendTime
	default:
		p.fail("message.timestamp.type", text)
	}
	if text := p.get("min.cleanable.dirty.ratio"); text != "" {
		ratio, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail("min.cleanable.dirty.ratio", text)
		}
		c.MinCleanableRatio = ratio
	}
	switch text := p.get("validate.records"); text {
	case "", "batch":
	case "full":
		c.ValidateFull = true
	default:
		p.fail("validate.records", text)
	}
}

// level reads the level of the codec.
func (p *configParser) level(c *TopicConfig) {
	key := ""
	switch {
	case c.KeepCodec:
		return
	case c.Compression == recordbatch.Gzip:
		key = "compression.gzip.level"
	case c.Compression == recordbatch.LZ4:
		key = "compression.lz4.level"
	case c.Compression == recordbatch.Zstd:
		key = "compression.zstd.level"
	default:
		return
	}
	level := int64(recordbatch.DefaultLevel)
	p.integer(key, &level)
	c.Level = recordbatch.Level(level)
}

// logConfig is the log's share. A compacted topic rolls in time for its longest lag, because the active segment is never
// compacted. jitter in [0, 1) spreads the rolls of a topic's partitions, so that they do not all
// roll at once.
func (c *TopicConfig) logConfig(jitter float64) commitlog.Config {
	age := c.SegmentAge
	if c.Compact && c.MaxCompactionLag > 0 {
		age = min(age, c.MaxCompactionLag)
	}
	return commitlog.Config{
		SegmentBytes:    c.SegmentBytes,
		SegmentAge:      age - time.Duration(jitter*float64(min(c.SegmentJitter, age))),
		IndexBytes:      c.IndexBytes,
		IndexInterval:   c.IndexInterval,
		RetentionBytes:  c.RetentionBytes,
		RetentionAge:    c.RetentionAge,
		FileDeleteDelay: c.FileDeleteDelay,
		Delete:          c.Delete,
		Preallocate:     c.Preallocate,
	}
}
