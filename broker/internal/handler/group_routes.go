package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/group"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/internal/recordbatch"
)

// GroupsConfig is what the group coordinator works on.
type GroupsConfig struct {
	// NodeID is this broker's id.
	NodeID int32
	// Metadata says which topics exist, and takes the creation of __consumer_offsets.
	// Required.
	Metadata metadata.Controller
	// Partitions holds the logs. It must be subscribed to Metadata already. Required.
	Partitions *partition.Manager
	// Static is the broker's own configuration, as in [Deps].
	Static map[string]string
	// Logger takes what a client cannot be told. Nil: slog.Default.
	Logger *slog.Logger
	// Failed is that of [Deps].
	Failed CountError
	// Coordinator and Groups are told of what happens. Nil: nobody.
	Coordinator *coordinator.Observer
	Groups      *group.Observer
}

// Groups is the group coordinator of this broker with its APIs.
type Groups struct {
	node     int32
	metadata metadata.Controller
	topic    *internalTopic
	runtime  *coordinator.Runtime[*group.Machine]
	modern   bool // the consumer protocol is offered
	static   map[string]string
	log      *slog.Logger
	failed   CountError
}

// NewGroups makes the coordinator. It answers from then on, but only while Run runs do
// sessions of members expire that were there before a restart.
func NewGroups(c GroupsConfig) *Groups {
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	static := configdef.Layers{Static: c.Static}
	topic := &internalTopic{
		name:       metadata.OffsetsTopic,
		metadata:   c.Metadata,
		logs:       c.Partitions,
		partitions: int32(static.Int64(configdef.Broker, "offsets.topic.num.partitions")),
		segment:    static.Text(configdef.Broker, "offsets.topic.segment.bytes"),
	}
	topic.keepPartitions()
	machine := groupConfig(static)
	machine.Observer = c.Groups
	machine.Topics = func() group.Topics { return imageTopics{c.Metadata.Image()} }
	machine.Settings = func(name string) group.ConsumerSettings {
		return consumerSettings(c.Metadata.Image(), c.Static, name)
	}
	return &Groups{
		node: c.NodeID, metadata: c.Metadata, log: log, failed: c.Failed, static: c.Static, topic: topic,
		modern: slices.Contains(static.List(configdef.Broker, "group.coordinator.rebalance.protocols"), "consumer"),
		runtime: coordinator.New(coordinator.Config[*group.Machine]{
			Name: metadata.OffsetsTopic, Topic: topic, Partitions: topic.partitions, Logger: log, Observer: c.Coordinator,
			WriteTimeout: time.Duration(static.Int64(configdef.Broker, "offsets.commit.timeout.ms")) * time.Millisecond,
			Codec:        recordbatch.Codec(static.Int64(configdef.Broker, "offsets.topic.compression.codec")),
			New:          func(int32) *group.Machine { return group.New(machine) },
		}),
	}
}

// Stats is what the coordinator's partitions are at.
func (g *Groups) Stats() coordinator.Stats { return g.runtime.Stats() }

// groupConfig reads the group.* and offsets.* keys.
func groupConfig(static configdef.Layers) group.Config {
	number := func(key string) int64 { return static.Int64(configdef.Broker, key) }
	millis := func(key string) time.Duration { return time.Duration(number(key)) * time.Millisecond }
	delay := millis("group.initial.rebalance.delay.ms")
	if delay == 0 {
		delay = -1 // none, where zero stands for the default
	}
	interval := millis("group.consumer.assignment.interval.ms")
	if interval == 0 {
		interval = -1
	}
	return group.Config{
		NewID:                 newUUID,
		MinSessionTimeout:     millis("group.min.session.timeout.ms"),
		MaxSessionTimeout:     millis("group.max.session.timeout.ms"),
		InitialRebalanceDelay: delay,
		MaxSize:               int(number("group.max.size")),
		MaxConsumerSize:       int(number("group.consumer.max.size")),

		ConsumerSessionTimeout:    millis("group.consumer.session.timeout.ms"),
		ConsumerHeartbeatInterval: millis("group.consumer.heartbeat.interval.ms"),

		ConsumerAssignmentInterval: interval,
		Assignors:                  static.List(configdef.Broker, "group.consumer.assignors"),
		Migration:                  group.MigrationPolicy(strings.ToLower(static.Text(configdef.Broker, "group.consumer.migration.policy"))),

		OffsetsRetention:      time.Duration(number("offsets.retention.minutes")) * time.Minute,
		OffsetsRetentionCheck: millis("offsets.retention.check.interval.ms"),
		MaxOffsetMetadata:     int(number("offset.metadata.max.bytes")),
	}
}

// Run coordinates until ctx ends, then answers what is still open. It must end before
// the partitions' Run does, for it appends its last records.
func (g *Groups) Run(ctx context.Context) error {
	cancel := g.metadata.Subscribe(metadata.PublisherFunc(g.topicsChanged))
	defer cancel()
	return g.runtime.Run(ctx)
}

// topicsChanged has the offsets of deleted topics forgotten.
func (g *Groups) topicsChanged(d metadata.Delta) {
	var gone []string
	for _, t := range d.Topics {
		if t.Before != nil && (t.After == nil || t.After.ID != t.Before.ID) {
			gone = append(gone, t.Before.Name)
		}
	}
	if len(gone) == 0 {
		return
	}
	for p := range g.runtime.Partitions() {
		g.runtime.DoPartition(p, coordinator.Step[*group.Machine]{
			Run: func(m *group.Machine, _ time.Time, out *coordinator.Out) { m.DeleteTopics(out, gone) },
			Refuse: func(err error) {
				g.log.Warn("keep offsets of deleted topics", "partition", p, "err", err)
			},
		})
	}
}

// groupRoutes are the APIs of the group coordinator.
func groupRoutes(g *Groups) []server.Route {
	return []server.Route{
		server.OnDeferred(0, 10, g.offsetCommit),
		server.OnDeferred(0, 10, g.offsetFetch),
		server.On(0, 6, g.findCoordinator),
		server.OnDeferred(0, 9, g.joinGroup),
		server.OnDeferred(0, 4, g.heartbeat),
		server.OnDeferred(0, 5, g.leaveGroup),
		server.OnDeferred(0, 5, g.syncGroup),
		server.OnDeferred(0, 6, g.describeGroups),
		server.OnDeferred(0, 5, g.listGroups),
		server.OnDeferred(0, 3, g.deleteGroups),
		server.OnDeferred(0, 0, g.offsetDelete),
		server.OnDeferred(0, 1, g.consumerGroupHeartbeat),
		server.OnDeferred(0, 1, g.consumerGroupDescribe),
	}
}

// groupStep is what a request does with the machine that holds its group.
type groupStep[P any] func(m *group.Machine, now time.Time, out *coordinator.Out, reply group.Reply[P])

// ask has the machine of a group run a step. done gets the answer, or the error that the
// coordinator has instead.
func ask[P any](g *Groups, name string, step groupStep[P], done func(P, error)) {
	askPartition(g, g.runtime.PartitionFor(name), step, done)
}

func askPartition[P any](g *Groups, p int32, step groupStep[P], done func(P, error)) {
	g.runtime.DoPartition(p, coordinator.Step[*group.Machine]{
		Run: func(m *group.Machine, now time.Time, out *coordinator.Out) {
			step(m, now, out, func(resp P, err error) { done(resp, err) })
		},
		Refuse: func(err error) {
			var none P
			done(none, err)
		},
	})
}

// askAll asks for each of n things and calls done when all are answered.
func askAll[P any](n int, askOne func(i int, done func(P, error)), done func(answers []P, errs []error)) {
	answers, errs := make([]P, n), make([]error, n)
	if n == 0 {
		done(answers, errs)
		return
	}
	var left atomic.Int64
	left.Store(int64(n))
	for i := range n {
		askOne(i, func(resp P, err error) {
			answers[i], errs[i] = resp, err
			if left.Add(-1) == 0 {
				done(answers, errs)
			}
		})
	}
}

// code converts an error, and logs it if the client cannot be told.
func (g *Groups) code(api, group string, err error) int16 {
	if err == nil {
		return 0
	}
	k, ok := errors.AsType[*kerr.Error](err)
	if !ok || k == kerr.UnknownServerError {
		g.log.Error("answer request", "api", api, "group", group, "err", err)
	}
	g.failed.count(api, k)
	return code(err)
}

// topicOf finds the topic that a request names, by its id from the version on that
// carries ids.
func topicOf(img *metadata.Image, name string, id [16]byte, byID bool) (*metadata.Topic, error) {
	if byID {
		if t, ok := img.TopicByID(id); ok {
			return t, nil
		}
		return nil, kerr.UnknownTopicID
	}
	if t, ok := img.Topic(name); ok {
		return t, nil
	}
	return nil, kerr.UnknownTopicOrPartition
}

// newUUID is a random UUID in the usual text form.
func newUUID() string {
	id := metadata.NewTopicID()
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
