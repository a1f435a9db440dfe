package script

import (
	"errors"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kerr"
)

// javaClass is the name of Kafka's exception for an error.
func javaClass(e *kerr.Error) string {
	switch e {
	case kerr.NonEmptyGroup:
		return "GroupNotEmptyException"
	case kerr.InvalidConfig:
		return "InvalidConfigurationException"
	case kerr.TopicAlreadyExists:
		return "TopicExistsException"
	case kerr.RequestTimedOut:
		return "TimeoutException"
	case kerr.SecurityDisabled:
		return "SecurityDisabledException"
	case kerr.NotLeaderForPartition:
		return "NotLeaderOrFollowerException"
	}
	var b strings.Builder
	for word := range strings.SplitSeq(strings.TrimSuffix(e.Message, "_EXCEPTION"), "_") {
		if word == "ID" || len(word) > 1 {
			word = word[:1] + strings.ToLower(word[1:])
		}
		b.WriteString(word)
	}
	return b.String() + "Exception"
}

// javaMessage is what Kafka's exception would say: the broker's words, or those of the error code.
func javaMessage(err error) string {
	if b, ok := errors.AsType[*operate.BrokerError](err); ok {
		return b.Message
	}
	e, ok := errors.AsType[*kerr.Error](err)
	if !ok {
		return err.Error()
	}
	switch e {
	case kerr.NonEmptyGroup:
		return "The group is not empty."
	case kerr.GroupIDNotFound:
		return "The group id does not exist."
	case kerr.GroupSubscribedToTopic:
		return "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."
	}
	return e.Description
}

// javaText is the class and message of an exception.
func javaText(err error) string {
	if e, ok := errors.AsType[*kerr.Error](err); ok {
		return "org.apache.kafka.common.errors." + javaClass(e) + ": " + javaMessage(err)
	}
	return err.Error()
}
