package group

import "iter"

// TopicID is a topic's id; zero is none.
type TopicID = [16]byte

// Topic is what an assignor has to know of a topic.
type Topic struct {
	ID         TopicID
	Name       string
	Partitions int32
}

// Topics are the topics that exist, at one moment.
type Topics interface {
	ByName(name string) (Topic, bool)
	ByID(id TopicID) (Topic, bool)
	// All goes through the topics that members may subscribe to by pattern.
	All() iter.Seq[Topic]
	// Version differs whenever topics differ.
	Version() int64
}

// noTopics are none.
type noTopics struct{}

func (noTopics) ByName(string) (Topic, bool) { return Topic{}, false }
func (noTopics) ByID(TopicID) (Topic, bool)  { return Topic{}, false }
func (noTopics) All() iter.Seq[Topic]        { return func(func(Topic) bool) {} }
func (noTopics) Version() int64              { return 0 }
