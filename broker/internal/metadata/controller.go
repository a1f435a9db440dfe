package metadata

// Controller accepts changes of the metadata: a file on one node, a quorum on
// many.
type Controller interface {
	// Propose applies the records, all or none. When it returns nil they are
	// durable, Image has them, and every publisher has seen them. It returns
	// the offset of the last record, or a kerr: what the first record that
	// does not fit says (TOPIC_ALREADY_EXISTS, UNKNOWN_TOPIC_ID, ...), or
	// KAFKA_STORAGE_ERROR if the log cannot be written.
	Propose(recs []Record) (offset int64, err error)
	// Image returns the newest image. It never blocks on a Propose.
	Image() *Image
	// Subscribe calls p at once with everything there is (the delta from the
	// empty image) and then after every change, in order, one at a time, until
	// cancel. A publisher must not call Propose.
	Subscribe(p Publisher) (cancel func())
}

// Publisher is told of every new image before [Controller.Image] shows it, so
// that who sees a topic also finds its partitions.
type Publisher interface{ Publish(d Delta) }

// PublisherFunc is a function that is a Publisher.
type PublisherFunc func(d Delta)

// Publish calls f.
func (f PublisherFunc) Publish(d Delta) { f(d) }

// Delta is what changed between two images.
type Delta struct {
	Prev, Next *Image
	// Topics lists every topic that was created, changed or deleted, in the
	// order of the records.
	Topics []TopicChange
	// Configs lists the broker and group resources whose configs changed.
	Configs []ConfigResource
}

// TopicChange is a topic before and after. Before is nil if it was created,
// After is nil if it was deleted. A topic deleted and created again under its
// name makes two entries.
type TopicChange struct{ Before, After *Topic }
