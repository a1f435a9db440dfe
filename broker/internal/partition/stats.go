package partition

import (
	"strings"
	"sync/atomic"

	"github.com/chortal/chortal/broker/internal/fs"
)

// TopicStats counts what went through the partitions of a topic since the broker started. The partitions count what is
// appended; handlers count the rest.
type TopicStats struct {
	Messages, BytesIn atomic.Int64 // appended
	BytesOut          atomic.Int64 // sent to consumers

	Produces, FailedProduces atomic.Int64 // partitions of Produce requests
	Fetches, FailedFetches   atomic.Int64 // reads of partitions
}

// Stats are those of the partition's topic.
func (p *Partition) Stats() *TopicStats { return p.stats }

// TopicStats lists the counters of all topics that have partitions here, by name.
func (m *Manager) TopicStats() map[string]*TopicStats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make(map[string]*TopicStats)
	for tp, p := range m.parts {
		all[tp.Topic] = p.stats
	}
	return all
}

// statsOf are the counters of a topic: those that its other partitions have, or new ones. changeMu is held.
func (m *Manager) statsOf(topic string, id [16]byte) *TopicStats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if p := m.parts[TopicPartition{topic, 0}]; p != nil && p.id == id {
		return p.stats
	}
	return &TopicStats{}
}

// segmentSuffix ends the names of the files that hold records.
const segmentSuffix = ".log"

// Extent is where a log begins and ends, and what it takes.
type Extent struct {
	Start, HighWatermark, End int64
	Bytes                     int64
	Segments                  int
}

// Extent describes the partition without opening it: of a log that nobody has used since the start it says what the
// checkpoints and the folder tell. ok is false if that is not known, or the partition is offline.
func (p *Partition) Extent() (e Extent, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return Extent{}, false
	case p.log == nil:
		return p.closedExtent()
	}
	return Extent{
		Start: p.log.Start(), HighWatermark: p.hw, End: p.log.End(), Bytes: p.log.Size(), Segments: len(p.log.Segments()),
	}, true
}

// closedExtent is Extent of a log that is not open. p.mu is held.
func (p *Partition) closedExtent() (e Extent, ok bool) {
	if p.unchecked {
		return Extent{}, false // an unclean shutdown: only recovery knows its end
	}
	e = Extent{Start: p.saved.logStart, HighWatermark: p.saved.highWatermark, End: max(p.saved.recoveryPoint, p.saved.highWatermark)}
	names, err := p.dir().fs.List(p.tp.String())
	if err != nil {
		return Extent{}, false
	}
	for _, name := range names {
		if !strings.HasSuffix(name, segmentSuffix) {
			continue
		}
		info, err := p.dir().fs.Stat(p.tp.String() + "/" + name)
		if err != nil {
			return Extent{}, false
		}
		e.Bytes += info.Size
		e.Segments++
	}
	return e, true
}

// Volume is the file system of a log dir.
type Volume struct {
	Path  string
	Usage fs.Usage
}

// Volumes lists the file systems of the log dirs that work and can tell their size.
func (m *Manager) Volumes() []Volume {
	var all []Volume
	for _, d := range m.dirs {
		if d.failed() != nil {
			continue
		}
		if usage, err := d.fs.Usage(); err == nil && usage.TotalBytes >= 0 {
			all = append(all, Volume{d.path, usage})
		}
	}
	return all
}

// bytes is the size of the log, which is opened only if nothing else tells it.
func (p *Partition) bytes() int64 {
	if e, ok := p.Extent(); ok {
		return e.Bytes
	}
	return p.Size()
}

// MinInSyncReplicas is min.insync.replicas of the topic.
func (p *Partition) MinInSyncReplicas() int { return int(p.cfg.Load().MinInSyncReplicas) }
