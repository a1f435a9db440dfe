package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerProtocolType is the protocol type of consumers; only their metadata and
// assignments are of a form that the coordinator knows.
const consumerProtocolType = "consumer"

// subscribedTopics reads the topics out of a consumer's subscription
// (ConsumerProtocolSubscription, any version). What follows them is not looked at.
func subscribedTopics(metadata []byte) ([]string, error) {
	r := reader{src: metadata}
	version := r.int16()
	if version < 0 {
		return nil, fmt.Errorf("subscription of version %d", version)
	}
	n := r.count(2)
	topics := make([]string, 0, n)
	for range n {
		topics = append(topics, r.string())
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("decode subscription: %w", err)
	}
	return topics, nil
}

// protocolsEqual says whether a member joins with what it joined with before, in the
// same order of preference.
func protocolsEqual(a, b []kmsg.JoinGroupRequestProtocol) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || string(a[i].Metadata) != string(b[i].Metadata) {
			return false
		}
	}
	return true
}
