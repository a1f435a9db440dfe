package metadata

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// EnsureTopic returns the topic of that name, creating it as described if it
// does not exist. Callers that race get the same topic. Errors are those of
// [NewTopic.Records] and [Controller.Propose].
func EnsureTopic(c Controller, t NewTopic) (*Topic, error) {
	for range 3 { // each round is lost only to a creation or a deletion in between
		img := c.Image()
		if have, ok := img.Topic(t.Name); ok {
			return have, nil
		}
		recs, err := t.Records(img)
		if err != nil {
			return nil, err
		}
		if _, err := c.Propose(recs); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return nil, fmt.Errorf("create topic %q: %w", t.Name, err)
		}
	}
	return nil, fmt.Errorf("create topic %q, which others keep deleting: %w", t.Name, kerr.UnknownTopicOrPartition)
}
