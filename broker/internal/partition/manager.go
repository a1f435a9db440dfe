package partition

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Dir is one log dir.
type Dir struct {
	// Path is the folder's name as configured: it is what DescribeLogDirs shows.
	Path string
	FS   fs.FS
}

// Config configures a Manager. Dirs is required; zero elsewhere means the default.
type Config struct {
	Dirs []Dir
	// ClusterID and NodeID are written to, or checked against, meta.properties. An empty ClusterID takes what is there,
	// or a new random one: see [Manager.ClusterID].
	ClusterID string
	NodeID    int32
	// Durability is when acks=all is acknowledged; default [Fsync].
	Durability Durability
	// FlushersPerDir is how many goroutines sync files, 2 by default.
	FlushersPerDir int
	// TailCacheBytes is the memory for recent batches of all partitions, 64 MiB by default; negative: none.
	TailCacheBytes int64
	// RetentionCheckInterval is log.retention.check.interval.ms, 5 minutes by default.
	RetentionCheckInterval time.Duration
	// RecoveryPointInterval is log.flush.offset.checkpoint.interval.ms, 60 s by default.
	RecoveryPointInterval time.Duration
	// HighWatermarkInterval is replica.high.watermark.checkpoint.interval.ms, 5 s by default.
	HighWatermarkInterval time.Duration
	// RecoveryThreads is num.recovery.threads.per.data.dir, 2 by default: how many partitions are recovered at a time
	// after an unclean shutdown.
	RecoveryThreads int
	// ProducerIDExpiration is producer.id.expiration.ms, 1 day by default.
	ProducerIDExpiration time.Duration
	// Cleaner configures compaction, see [Manager.ConfigureCleaner].
	Cleaner CleanerConfig
	Logger  *slog.Logger
	// Now is the clock; default time.Now.
	Now        func() time.Time
	Registerer Registerer // nil: the metrics are not shown
}

// Spec describes a partition to create or open.
type Spec struct {
	Topic       string
	TopicID     [16]byte
	Index       int32
	LeaderEpoch int32
	Config      TopicConfig
}

// Manager owns the log dirs and their partitions.
type Manager struct {
	c         Config
	now       func() time.Time
	log       *slog.Logger
	cache     *commitlog.Cache
	metrics   *metrics
	clusterID string
	dirs      []*logDir
	unclean   bool
	cleaner   *cleaner
	mover     *mover

	changeMu sync.Mutex // one Create or Delete at a time; taken before all others

	mu     sync.RWMutex
	parts  map[TopicPartition]*Partition // guarded by mu
	closed bool                          // guarded by mu
}

// DirInfo describes a log dir for DescribeLogDirs.
type DirInfo struct {
	Path       string
	Err        error // not nil: offline
	Usage      fs.Usage
	Partitions []DirPartition
}

// DirPartition is a partition within a log dir.
type DirPartition struct {
	TopicPartition TopicPartition
	Size           int64
	OffsetLag      int64
	Future         bool // it is being moved into this dir
}

func (c Config) withDefaults() Config {
	c.FlushersPerDir = cmp.Or(c.FlushersPerDir, 2)
	c.TailCacheBytes = cmp.Or(c.TailCacheBytes, 64<<20)
	c.RetentionCheckInterval = cmp.Or(c.RetentionCheckInterval, 5*time.Minute)
	c.RecoveryPointInterval = cmp.Or(c.RecoveryPointInterval, time.Minute)
	c.HighWatermarkInterval = cmp.Or(c.HighWatermarkInterval, 5*time.Second)
	c.RecoveryThreads = cmp.Or(c.RecoveryThreads, 2)
	c.ProducerIDExpiration = cmp.Or(c.ProducerIDExpiration, 24*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Open locks the log dirs, formats empty ones and reads what they hold. Partitions found on disk answer Get only after
// Create has named them with their topic id. After an unclean shutdown they are recovered when they are first used;
// Run sees to the rest.
func Open(c Config) (*Manager, error) {
	if len(c.Dirs) == 0 {
		return nil, errors.New("open partitions: no log dir")
	}
	c = c.withDefaults()
	m := &Manager{
		c: c, now: c.Now, log: c.Logger, cache: commitlog.NewCache(c.TailCacheBytes), metrics: newMetrics(c.Registerer),
		clusterID: c.ClusterID, parts: map[TopicPartition]*Partition{},
	}
	m.cleaner = newCleaner(m, c.Cleaner)
	m.mover = newMover(m)
	if err := m.openDirs(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Manager) openDirs() error {
	for _, dc := range m.c.Dirs {
		d, err := openDir(dc, m.log, m.metrics)
		if err != nil {
			return fmt.Errorf("open log dir %s: %w", dc.Path, err)
		}
		m.dirs = append(m.dirs, d)
		m.unclean = m.unclean || !d.clean && len(d.found) > 0
	}
	var empty []*logDir
	for _, d := range m.dirs {
		id, err := d.readMeta(m.c.NodeID)
		if err != nil {
			return fmt.Errorf("open log dir %s: %w", d.path, err)
		}
		switch {
		case id == "":
			empty = append(empty, d)
		case m.clusterID == "":
			m.clusterID = id
		case m.clusterID != id:
			return fmt.Errorf("open log dir %s: it belongs to cluster %s, this is %s", d.path, id, m.clusterID)
		}
	}
	m.clusterID = cmp.Or(m.clusterID, newID())
	for _, d := range empty {
		if err := d.writeMeta(m.clusterID, m.c.NodeID, m.now()); err != nil {
			return fmt.Errorf("format log dir %s: %w", d.path, err)
		}
	}
	return nil
}

// ClusterID is the cluster's id from meta.properties.
func (m *Manager) ClusterID() string { return m.clusterID }

// Unclean reports whether a log dir held partitions and was not closed in order: whoever leads them must do so under a
// new leader epoch.
func (m *Manager) Unclean() bool { return m.unclean }

// Create makes the partition, or opens what lies on disk if its topic id is the same (a folder of another id is
// deleted first). Creating an existing partition with the same id configures it. The folder is durable before the
// first record is: until then Create must be repeated after a crash, as the replay of the metadata does.
func (m *Manager) Create(s Spec) (*Partition, error) {
	if err := checkTopic(s.Topic); err != nil || s.Index < 0 {
		return nil, fmt.Errorf("create partition %d of %q: %w: %w", s.Index, s.Topic, kerr.InvalidTopicException, err)
	}
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	tp := TopicPartition{s.Topic, s.Index}
	m.mu.RLock()
	p, closed := m.parts[tp], m.closed
	m.mu.RUnlock()
	switch {
	case closed:
		return nil, errShutDown(tp)
	case p != nil && p.id == s.TopicID:
		p.configure(s.Config)
		return p, p.BecomeLeader(s.LeaderEpoch)
	case p != nil:
		if err := m.delete(p); err != nil {
			return nil, err
		}
	}
	p, err := m.make(tp, s)
	if err != nil {
		return nil, fmt.Errorf("create %v: %w: %w", tp, kerr.KafkaStorageError, err)
	}
	m.mu.Lock()
	m.parts[tp] = p
	m.mu.Unlock()
	return p, nil
}

// make finds the partition's folder, or makes one in the log dir with the fewest partitions.
func (m *Manager) make(tp TopicPartition, s Spec) (*Partition, error) {
	p := &Partition{m: m, tp: tp, id: s.TopicID, epoch: s.LeaderEpoch, stats: m.statsOf(tp.Topic, s.TopicID)}
	p.cfg.Store(&s.Config)
	d, err := m.find(tp, s.TopicID)
	if err != nil {
		return nil, err
	}
	wished := m.mover.granted(tp)
	if d != nil {
		p.home.Store(d)
		p.saved, p.unchecked = d.rows[tp], !d.clean
		m.resume(p)
		return p, nil
	}
	if d = wished; d == nil || d.failed() != nil {
		d = m.emptiest()
	}
	p.home.Store(d)
	p.fresh = true
	if err := d.failed(); err != nil {
		return nil, err
	}
	if err := d.forgetRows(m, tp); err != nil {
		return nil, err
	}
	if err := d.fs.MkdirAll(tp.String()); err != nil {
		return nil, err
	}
	return p, d.writeTopicID(tp, s.TopicID)
}

// find looks for the partition's folder. A crash at the end of a move leaves two: the longer log is the one that went on.
func (m *Manager) find(tp TopicPartition, id [16]byte) (found *logDir, err error) {
	for _, d := range m.dirs {
		if !d.claim(tp) {
			continue
		}
		same, err := d.adopt(tp, id)
		if err != nil {
			return nil, err
		}
		other := d
		if same {
			if found == nil || d.tail(tp).compare(found.tail(tp)) > 0 {
				found, other = d, found
			}
		}
		if other == nil {
			continue
		}
		if err := other.discard(tp, m.now()); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// resume begins a move anew that a shutdown or a crash cut short.
func (m *Manager) resume(p *Partition) {
	for _, d := range m.dirs {
		d.mu.Lock()
		begun := d.begun[p.tp]
		delete(d.begun, p.tp)
		d.mu.Unlock()
		if begun && d.failed() == nil {
			m.mover.start(p, d)
		}
	}
}

// adopt reports whether the folder belongs to the topic. One without a sound partition.metadata never held a durable
// record, or comes from elsewhere: it is taken.
func (d *logDir) adopt(tp TopicPartition, id [16]byte) (bool, error) {
	have, ok, err := d.readTopicID(tp)
	if err != nil || ok {
		return have == id, err
	}
	return true, d.writeTopicID(tp, id)
}

// emptiest is the log dir with the fewest partitions that works, or the first if none does.
func (m *Manager) emptiest() *logDir {
	if len(m.dirs) == 1 {
		return m.dirs[0] // else a topic of many partitions would count them for each
	}
	count := map[*logDir]int{}
	for _, p := range m.Partitions() {
		count[p.dir()]++
	}
	best := m.dirs[0]
	for _, d := range m.dirs[1:] {
		if best.failed() != nil || d.failed() == nil && count[d] < count[best] {
			best = d
		}
	}
	return best
}

// Get returns a created partition, UNKNOWN_TOPIC_OR_PARTITION if there is none, KAFKA_STORAGE_ERROR if it is offline.
func (m *Manager) Get(topic string, index int32) (*Partition, error) {
	m.mu.RLock()
	p := m.parts[TopicPartition{topic, index}]
	m.mu.RUnlock()
	if p == nil {
		return nil, fmt.Errorf("partition %d of %q: %w", index, topic, kerr.UnknownTopicOrPartition)
	}
	if err := p.dir().failed(); err != nil {
		return nil, fmt.Errorf("%v is offline: %w: %w", p.tp, kerr.KafkaStorageError, err)
	}
	return p, nil
}

// Configure changes the configuration of all partitions of a topic.
func (m *Manager) Configure(topic string, c TopicConfig) {
	for _, p := range m.Partitions() {
		if p.tp.Topic == topic {
			p.configure(c)
		}
	}
}

// Delete removes a partition: it is gone at once, its files after file.delete.delay.ms. A missing one is no error.
func (m *Manager) Delete(topic string, index int32) error {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	m.mu.RLock()
	p := m.parts[TopicPartition{topic, index}]
	m.mu.RUnlock()
	if p == nil {
		return nil
	}
	return m.delete(p)
}

func (m *Manager) delete(p *Partition) error {
	m.mu.Lock()
	delete(m.parts, p.tp)
	m.mu.Unlock()
	m.mover.forget(p.tp)
	p.haltCleaning()
	p.checkpointMu.Lock() // a checkpoint must not write into the folder any more
	defer p.checkpointMu.Unlock()
	p.mu.Lock()
	named := p.saved != checkpointRow{}
	after := p.end(fmt.Errorf("%v was deleted: %w", p.tp, kerr.UnknownTopicOrPartition))
	if p.log != nil {
		p.log.CloseDirty()
	}
	p.mu.Unlock()
	after()
	if named {
		p.dir().noteStale(p.tp)
	}
	return p.dir().discard(p.tp, m.now().Add(p.cfg.Load().FileDeleteDelay))
}

// DeleteStrays removes what lies on disk but was never named by Create since Open: call it once after the metadata has
// been replayed.
func (m *Manager) DeleteStrays() error {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	for _, d := range m.dirs {
		d.mu.Lock()
		var strays []TopicPartition
		for tp := range d.found {
			strays = append(strays, tp)
		}
		clear(d.found)
		d.mu.Unlock()
		for _, tp := range strays {
			m.log.Info("stray partition is deleted", "topic", tp.Topic, "partition", tp.Index)
			if err := d.discard(tp, m.now().Add(time.Minute)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Dirs describes the log dirs.
func (m *Manager) Dirs() []DirInfo {
	infos := make([]DirInfo, len(m.dirs))
	for i, d := range m.dirs {
		infos[i] = DirInfo{Path: d.path, Err: d.failed()}
		usage, err := d.fs.Usage()
		if err != nil {
			usage = fs.Usage{TotalBytes: -1, FreeBytes: -1}
		}
		infos[i].Usage = usage
		for _, p := range m.Partitions() {
			if p.dir() == d {
				infos[i].Partitions = append(infos[i].Partitions, DirPartition{TopicPartition: p.tp, Size: p.bytes()})
			}
		}
		for _, mv := range m.mover.into(d) {
			infos[i].Partitions = append(infos[i].Partitions, DirPartition{
				TopicPartition: mv.p.tp, Size: mv.copied.Load(), OffsetLag: max(mv.p.LogEndOffset()-mv.next.Load(), 0), Future: true,
			})
		}
	}
	return infos
}

// Partitions lists all created partitions.
func (m *Manager) Partitions() []*Partition {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*Partition, 0, len(m.parts))
	for _, p := range m.parts {
		list = append(list, p)
	}
	return list
}

// errShutDown sends clients elsewhere, or to try again.
func errShutDown(tp TopicPartition) error {
	return fmt.Errorf("%v is shutting down: %w", tp, kerr.NotLeaderForPartition)
}
