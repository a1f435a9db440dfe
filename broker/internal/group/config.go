package group

import (
	"math"
	"time"
)

// Config holds the group.* and offsets.* keys of the broker. The zero value of a field
// stands for its default, which is Kafka's.
type Config struct {
	// NewID gives a fresh unique id, used in member ids. Required.
	NewID func() string
	// MinSessionTimeout and MaxSessionTimeout bound what a member may ask for. Zero: 6 s
	// and 30 min.
	MinSessionTimeout, MaxSessionTimeout time.Duration
	// InitialRebalanceDelay is how long an empty group waits for further members after
	// the first has joined. Zero: 3 s; negative: none.
	InitialRebalanceDelay time.Duration
	// NewMemberJoinTimeout is how long the first JoinGroup of a member may be parked;
	// such a member has no session yet. Zero: 5 min.
	NewMemberJoinTimeout time.Duration
	// MaxSize is how many members a group may have. Zero: no limit.
	MaxSize int
	// MaxConsumerSize is MaxSize of groups of the consumer protocol. Zero: no limit.
	MaxConsumerSize int
	// ConsumerSessionTimeout is how long a member of the consumer protocol may be silent,
	// ConsumerHeartbeatInterval how often it is told to send heartbeats. Zero: 45 s and 5 s.
	ConsumerSessionTimeout, ConsumerHeartbeatInterval time.Duration
	// OffsetsRetention is how long the offsets of an empty group are kept. Zero: 7 days.
	OffsetsRetention time.Duration
	// OffsetsRetentionCheck is how often it is looked for expired offsets. Zero: 10 min.
	OffsetsRetentionCheck time.Duration
	// MaxOffsetMetadata is how long an offset's metadata may be, in UTF-16 units as Kafka
	// counts. Zero: 4,096.
	MaxOffsetMetadata int
	// MaxRecordBytes bounds what one step may write: a group whose members' metadata and
	// assignments take more, or a commit of too many offsets, is refused. Zero: 8 MiB.
	MaxRecordBytes int
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.MinSessionTimeout, 6*time.Second)
	def(&c.MaxSessionTimeout, 30*time.Minute)
	def(&c.InitialRebalanceDelay, 3*time.Second)
	def(&c.NewMemberJoinTimeout, 5*time.Minute)
	def(&c.ConsumerSessionTimeout, 45*time.Second)
	def(&c.ConsumerHeartbeatInterval, 5*time.Second)
	def(&c.OffsetsRetention, 7*24*time.Hour)
	def(&c.OffsetsRetentionCheck, 10*time.Minute)
	c.InitialRebalanceDelay = max(c.InitialRebalanceDelay, 0)
	if c.MaxSize == 0 {
		c.MaxSize = math.MaxInt32
	}
	if c.MaxConsumerSize == 0 {
		c.MaxConsumerSize = math.MaxInt32
	}
	if c.MaxOffsetMetadata == 0 {
		c.MaxOffsetMetadata = 4096
	}
	if c.MaxRecordBytes == 0 {
		c.MaxRecordBytes = 8 << 20
	}
	return c
}
