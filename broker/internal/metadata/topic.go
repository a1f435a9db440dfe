package metadata

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TopicID names a topic for ever: a topic that is created again under the
// name of a deleted one has another id. The zero value is no topic.
type TopicID [16]byte

// NewTopicID returns a random id. Like Kafka's, its text never begins with a
// dash, which command lines would take for a flag.
func NewTopicID() TopicID {
	for {
		var id TopicID
		rand.Read(id[:]) // never returns an error
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
		if id.String()[0] != '-' {
			return id
		}
	}
}

// String returns Kafka's text form: URL-safe base64 without padding.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// IsZero reports whether id names no topic.
func (id TopicID) IsZero() bool { return id == TopicID{} }

// Topic is one topic of an [Image]. It is immutable.
type Topic struct {
	Name string
	ID   TopicID
	// Partitions is ordered by index and has no gaps.
	Partitions []Partition
	// Configs holds the topic's own settings, without defaults.
	Configs map[string]string
}

// Partition says who leads and who stores one partition.
type Partition struct {
	Index       int32
	Leader      int32 // broker id; -1: none
	LeaderEpoch int32 // grows with every change of leader
	Epoch       int32 // grows with every change of the partition
	Replicas    []int32
	ISR         []int32
}

// Internal topics belong to the broker: clients may read them, and only
// coordinators write them.
const (
	OffsetsTopic      = "__consumer_offsets"
	TransactionsTopic = "__transaction_state"
	ShareStateTopic   = "__share_group_state"
)

// IsInternal reports whether name is one of the broker's own topics.
func IsInternal(name string) bool {
	return name == OffsetsTopic || name == TransactionsTopic || name == ShareStateTopic
}

// Internal reports whether the topic is one of the broker's own.
func (t *Topic) Internal() bool { return IsInternal(t.Name) }

// Partition returns the partition with that index.
func (t *Topic) Partition(index int32) (Partition, bool) {
	if index < 0 || int(index) >= len(t.Partitions) {
		return Partition{}, false
	}
	return t.Partitions[index], true
}

// maxTopicName is Kafka's limit: a directory name is the topic's name, a dash
// and the partition.
const maxTopicName = 249

// CheckTopicName returns an INVALID_TOPIC_EXCEPTION with its reason if name
// cannot name a topic, and nil otherwise.
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("topic name is invalid: it is empty: %w", kerr.InvalidTopicException)
	case name == "." || name == "..":
		return fmt.Errorf("topic name is invalid: it cannot be %q: %w", name, kerr.InvalidTopicException)
	case len(name) > maxTopicName:
		return fmt.Errorf("topic name is invalid: it is longer than %d characters: %w", maxTopicName, kerr.InvalidTopicException)
	}
	for i := range len(name) {
		if !legalTopicByte(name[i]) {
			return fmt.Errorf("topic name is invalid: '%s' contains a character other than ASCII alphanumerics, '.', '_' and '-': %w",
				name, kerr.InvalidTopicException)
		}
	}
	return nil
}

func legalTopicByte(b byte) bool {
	switch {
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return true
	}
	return b == '.' || b == '_' || b == '-'
}

// collides reports whether two different names become the same metric name,
// in which '.' and '_' are one character. Kafka refuses such pairs.
func collides(a, b string) bool {
	if len(a) != len(b) || a == b {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x == '.' {
			x = '_'
		}
		if y == '.' {
			y = '_'
		}
		if x != y {
			return false
		}
	}
	return true
}

func mayCollide(name string) bool { return strings.ContainsAny(name, "._") }
