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
	// Topics are the topics that exist at the time of the call; Settings is what a group
	// of the consumer protocol has of its own. Nil: none.
	Topics   func() Topics
	Settings func(group string) ConsumerSettings
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
	// ConsumerAssignmentInterval is the least time between two assignments of a group of
	// the consumer protocol (KIP-1263). Zero: 1 s; negative: none.
	ConsumerAssignmentInterval time.Duration
	// Assignors are the names of those that members of the consumer protocol may ask for,
	// the default first. None: uniform and range.
	Assignors []string
	// Migration says whether groups with members may change to the other protocol. Empty:
	// both ways.
	Migration MigrationPolicy
	// Observer is told of what happens. Nil: nobody.
	Observer *Observer
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

	assignors []assignor // by Assignors
}

// MigrationPolicy says which way a group with members may go between the protocols.
type MigrationPolicy string

// The values of group.consumer.migration.policy.
const (
	MigrationDisabled      MigrationPolicy = "disabled"
	MigrationUpgrade       MigrationPolicy = "upgrade"
	MigrationDowngrade     MigrationPolicy = "downgrade"
	MigrationBidirectional MigrationPolicy = "bidirectional"
)

func (p MigrationPolicy) upgrades() bool { return p != MigrationDisabled && p != MigrationDowngrade }

func (p MigrationPolicy) downgrades() bool { return p != MigrationDisabled && p != MigrationUpgrade }

func (c Config) topics() Topics { return c.Topics() }

// settings are those of a group, with the broker's where it has none.
func (c Config) settings(group string) ConsumerSettings { return c.Settings(group).orElse(c) }

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
	def(&c.ConsumerAssignmentInterval, time.Second)
	def(&c.OffsetsRetention, 7*24*time.Hour)
	def(&c.OffsetsRetentionCheck, 10*time.Minute)
	c.InitialRebalanceDelay = max(c.InitialRebalanceDelay, 0)
	c.ConsumerAssignmentInterval = max(c.ConsumerAssignmentInterval, 0)
	if c.Topics == nil {
		c.Topics = func() Topics { return noTopics{} }
	}
	if c.Settings == nil {
		c.Settings = func(string) ConsumerSettings { return ConsumerSettings{} }
	}
	if c.Observer == nil {
		c.Observer = &Observer{}
	}
	c.assignors = offeredAssignors(c.Assignors)
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
