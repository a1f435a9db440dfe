package handler

// ConsumerGroupHeartbeat (key 68): versions 0-1 (KIP-848).
//
//	v1  the client chooses the member id (KIP-1082); topics by regular expression

import (
	"context"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (g *Groups) consumerGroupHeartbeat(_ context.Context, c *server.Conn, req *kmsg.ConsumerGroupHeartbeatRequest, reply func(*kmsg.ConsumerGroupHeartbeatResponse, error)) {
	if err := g.consumerProtocol(); err != nil {
		resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode = code(err)
		reply(resp, nil)
		return
	}
	from := group.Client{ID: c.ClientID(), Host: c.Host()}
	ask(g, req.Group, func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[*kmsg.ConsumerGroupHeartbeatResponse]) {
		m.ConsumerGroupHeartbeat(now, out, from, req, reply)
	}, func(resp *kmsg.ConsumerGroupHeartbeatResponse, err error) {
		if err != nil {
			resp = kmsg.NewPtrConsumerGroupHeartbeatResponse()
			resp.ErrorCode, resp.ErrorMessage = g.code("ConsumerGroupHeartbeat", req.Group, err), message(err)
		}
		reply(resp, nil)
	})
}

// consumerSettings are what differs for a group from what the broker was started with: its
// own configs, within the broker's bounds, and what was set at run time.
func consumerSettings(img *metadata.Image, static map[string]string, name string) group.ConsumerSettings {
	own := img.Configs(metadata.ConfigResource{Type: metadata.GroupResource, Name: name})
	dynamic := img.Configs(metadata.ConfigResource{Type: metadata.BrokerResource})
	_, interval := dynamic["group.consumer.assignment.interval.ms"]
	if len(own) == 0 && !interval {
		return group.ConsumerSettings{}
	}
	layers := configdef.Layers{Override: own, DynamicDefault: dynamic, Static: static}
	millis := func(key string, set bool) time.Duration {
		if _, ok := own["consumer."+key]; !ok && !set {
			return 0
		}
		bound := func(which string) int64 { return layers.Int64(configdef.Broker, "group.consumer."+which+"."+key) }
		v := min(max(layers.Int64(configdef.Group, "consumer."+key), bound("min")), bound("max"))
		if v == 0 {
			return -1 // none, where zero stands for the broker's
		}
		return time.Duration(v) * time.Millisecond
	}
	return group.ConsumerSettings{
		SessionTimeout:     millis("session.timeout.ms", false),
		HeartbeatInterval:  millis("heartbeat.interval.ms", false),
		AssignmentInterval: millis("assignment.interval.ms", interval),
	}
}

// imageTopics shows an image to the assignors.
type imageTopics struct{ img *metadata.Image }

func (t imageTopics) ByName(name string) (group.Topic, bool) { return groupTopic(t.img.Topic(name)) }

func (t imageTopics) ByID(id group.TopicID) (group.Topic, bool) {
	return groupTopic(t.img.TopicByID(metadata.TopicID(id)))
}

func (t imageTopics) Version() int64 { return t.img.Offset() }

// All has the broker's own topics too, as Kafka: who does not want them writes a pattern
// that does not match them.
func (t imageTopics) All() iter.Seq[group.Topic] {
	return func(yield func(group.Topic) bool) {
		for topic := range t.img.Topics() {
			if known, _ := groupTopic(topic, true); !yield(known) {
				return
			}
		}
	}
}

func groupTopic(t *metadata.Topic, ok bool) (group.Topic, bool) {
	if !ok {
		return group.Topic{}, false
	}
	return group.Topic{ID: group.TopicID(t.ID), Name: t.Name, Partitions: int32(len(t.Partitions))}, true
}
