package handler

import (
	"context"

	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
)

// internalTopic opens the partitions of a coordinator's topic, which is created when it is
// first needed, at the latest when the first record is written.
type internalTopic struct {
	name       string
	metadata   metadata.Controller
	logs       *partition.Manager
	partitions int32
	segment    string // segment.bytes
}

// maxCoordinatorBatch is max.message.bytes of the topic: what a group of many members, a
// commit or a transaction of many partitions may take.
const maxCoordinatorBatch = "10485760"

// keepPartitions has an existing topic keep its number of partitions: which of them holds a
// key can never change.
func (t *internalTopic) keepPartitions() {
	if found, ok := t.metadata.Image().Topic(t.name); ok {
		t.partitions = int32(len(found.Partitions))
	}
}

func (t *internalTopic) Open(_ context.Context, index int32) (coordinator.Log, error) {
	if _, ok := t.metadata.Image().Topic(t.name); !ok {
		return nil, nil
	}
	return t.log(index)
}

func (t *internalTopic) Create(_ context.Context, index int32) (coordinator.Log, error) {
	if err := t.ensure(); err != nil {
		return nil, err
	}
	return t.log(index)
}

func (t *internalTopic) ensure() error {
	_, err := metadata.EnsureTopic(t.metadata, metadata.NewTopic{
		Name: t.name, Partitions: t.partitions, ReplicationFactor: 1,
		Configs: map[string]string{
			"cleanup.policy":    "compact",
			"compression.type":  "producer",
			"segment.bytes":     t.segment,
			"max.message.bytes": maxCoordinatorBatch,
		},
	})
	return err
}

func (t *internalTopic) log(index int32) (coordinator.Log, error) {
	p, err := t.logs.Get(t.name, index)
	if err != nil {
		return nil, err
	}
	return coordinator.PartitionLog(p), nil
}
