package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chortal/chortal/streams/processor"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// closeTimeout bounds the commit at the end.
const closeTimeout = 10 * time.Second

// Runtime runs one instance of an application.
type Runtime struct {
	cfg    Config
	log    *slog.Logger
	plan   *processor.Plan
	resets map[string]processor.OffsetReset
	dir    *stateDir // nil where all state is in memory

	client     *kgo.Client
	clientMade chan struct{} // closed when client is set: its callbacks may be quicker
	admin      *kadm.Client
	metrics    *metrics

	workCtx     context.Context // of the tasks: it outlives that of Run by the last commit
	stopWork    context.CancelCauseFunc
	workersDone sync.WaitGroup
	ran         atomic.Bool
	ready       chan struct{}
	readyOnce   sync.Once
	failed      chan error   // of the first task that breaks
	ended       atomic.Int64 // drops of tasks that are gone
	perStore    atomic.Int64 // memory budget of a store
	perTask     atomic.Int64 // memory that a task may have uncommitted

	mu      sync.Mutex
	workers map[processor.TaskID]*worker // guarded by mu
	byTopic map[topicPartition]*worker   // guarded by mu
	closing bool                         // no new tasks are taken; guarded by mu
	joined  bool                         // the group has assigned tasks once; guarded by mu
	ids     map[string][16]byte          // topic ids; guarded by mu

	commitMu  sync.Mutex // held during a commit; taken before mu
	commitNow chan struct{}

	pollMu       sync.Mutex
	betweenPolls []func()           // guarded by pollMu
	interrupt    context.CancelFunc // guarded by pollMu
	room         chan struct{}
	held         map[heldPartition]bool // the poll loop's

	fetchErrors fetchErrors

	restores   chan struct{} // a slot per task that restores
	outgoing   sync.Pool
	rawRecords sync.Pool
}

type topicPartition struct {
	topic     string
	partition int32
}

var (
	errGlobalStores = errors.New("global stores are not supported yet")
	errPattern      = errors.New("sources that match topics by a pattern are not supported yet")
	errRanBefore    = errors.New("application was run before")
)

// New checks the configuration and cuts the topology into tasks.
func New(topology *processor.Topology, cfg Config) (*Runtime, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	plan, err := topology.Plan(processor.PlanConfig{ApplicationID: cfg.ApplicationID, TopicConfig: cfg.TopicConfig})
	if err != nil {
		return nil, err
	}
	rt := &Runtime{
		cfg: cfg, plan: plan, log: cfg.Logger.With("application", cfg.ApplicationID),
		resets: make(map[string]processor.OffsetReset), ready: make(chan struct{}),
		workers: make(map[processor.TaskID]*worker), byTopic: make(map[topicPartition]*worker),
		failed: make(chan error, 1), clientMade: make(chan struct{}),
		ids: make(map[string][16]byte), commitNow: make(chan struct{}, 1), room: make(chan struct{}, 1),
		held: make(map[heldPartition]bool), restores: make(chan struct{}, 2*goruntime.GOMAXPROCS(0)),
	}
	rt.outgoing.New = func() any { return newOutgoing(&rt.outgoing) }
	rt.rawRecords.New = func() any { return new([]processor.RawRecord) }
	if plan.Global != nil {
		return nil, errGlobalStores
	}
	for _, s := range plan.Subtopologies {
		for _, source := range s.Sources {
			if source.Pattern != nil {
				return nil, fmt.Errorf("source %s: %w", source.Node, errPattern)
			}
			for _, topic := range source.Topics {
				rt.resets[topic] = source.Reset
			}
		}
	}
	return rt, nil
}

// Ready is closed when the tasks that were assigned first run.
func (rt *Runtime) Ready() <-chan struct{} { return rt.ready }

// Run processes records until ctx ends or a task breaks. It commits before it returns. Its errors name the application.
func (rt *Runtime) Run(ctx context.Context) error {
	if err := rt.runOnce(ctx); err != nil {
		return fmt.Errorf("application %s: %w", rt.cfg.ApplicationID, err)
	}
	return nil
}

func (rt *Runtime) runOnce(ctx context.Context) (err error) {
	if !rt.ran.CompareAndSwap(false, true) {
		return errRanBefore
	}
	rt.workCtx, rt.stopWork = context.WithCancelCause(context.WithoutCancel(ctx))
	defer rt.stopWork(nil)
	if err := rt.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.close()) }()
	if err := rt.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if err := rt.join(); err != nil {
		return err
	}
	g, loopCtx := errgroup.WithContext(ctx)
	g.Go(func() error { return rt.watch(loopCtx) })
	g.Go(func() error { return rt.watchTopics(loopCtx) })
	g.Go(func() error { return rt.pollLoop(loopCtx) })
	g.Go(func() error { return rt.commitLoop(loopCtx) })
	g.Go(func() error { return rt.every(loopCtx, rt.cfg.RepartitionPurgeInterval, rt.purgeRepartitions) })
	g.Go(func() error { return rt.every(loopCtx, rt.cfg.StateCleanupDelay, rt.cleanState) })
	err = g.Wait()
	return errors.Join(err, rt.finish())
}

// prepare brings the topics in order. While the brokers cannot be reached it waits for them.
func (rt *Runtime) prepare(ctx context.Context) error {
	if err := rt.prepareTopics(ctx); err != nil {
		return err
	}
	return rt.rememberTopicIDs(ctx)
}

// open opens the state folder and the client that asks and creates.
func (rt *Runtime) open() (err error) {
	if !rt.cfg.InMemory {
		if rt.dir, err = openStateDir(rt.cfg.StateDir, rt.cfg.ApplicationID); err != nil {
			return err
		}
	}
	client, err := rt.newClient()
	if err != nil {
		return errors.Join(err, rt.close())
	}
	rt.admin = kadm.NewClient(client)
	if rt.metrics, err = newMetrics(rt, rt.cfg.Metrics); err != nil {
		return errors.Join(fmt.Errorf("register metrics: %w", err), rt.close())
	}
	return nil
}

// join makes the client that reads and writes, which joins the group.
func (rt *Runtime) join() (err error) {
	topics, _ := rt.topicNames()
	for _, s := range rt.plan.Subtopologies {
		for _, r := range s.Repartitions {
			topics = append(topics, r.Name)
		}
	}
	opts := []kgo.Opt{
		kgo.ConsumerGroup(rt.cfg.ApplicationID), kgo.Balancers(&balancer{rt}), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(rt.assigned), kgo.OnPartitionsRevoked(rt.revoked), kgo.OnPartitionsLost(rt.lost),
		kgo.SessionTimeout(rt.cfg.SessionTimeout), kgo.HeartbeatInterval(heartbeatInterval(rt.cfg.SessionTimeout)),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(fetchMaxWait),
		kgo.RecordPartitioner(partitioner{kgo.StickyPartitioner()}), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(maxBufferedRecords),
	}
	if rt.cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(rt.cfg.InstanceID))
	}
	if rt.client, err = rt.newClient(opts...); err != nil {
		return fmt.Errorf("join group %s: %w", rt.cfg.ApplicationID, err)
	}
	close(rt.clientMade)
	return nil
}

// fetchMaxWait is how long a fetch waits for records, and so how long a partition that is resumed may have to wait.
const fetchMaxWait = 250 * time.Millisecond

// metadataMinAge is the least time between two look-ups of topics that the client makes by itself. Its default makes the
// first assignment wait for seconds.
const metadataMinAge = 250 * time.Millisecond

// maxBufferedRecords is how many produced records may wait for their acknowledgement; then tasks wait.
const maxBufferedRecords = 50000

// heartbeatInterval is Kafka's default of 3 s, or a third of a short session timeout.
func heartbeatInterval(session time.Duration) time.Duration { return min(3*time.Second, session/3) }

// newClient makes a client with what all clients of the application have in common.
func (rt *Runtime) newClient(opts ...kgo.Opt) (*kgo.Client, error) {
	common := []kgo.Opt{
		kgo.SeedBrokers(rt.cfg.Brokers...), kgo.ClientID(rt.cfg.ClientID), kgo.WithLogger(clientLog{rt.log}),
		kgo.MetadataMinAge(metadataMinAge),
	}
	if rt.cfg.Dialer != nil {
		common = append(common, kgo.Dialer(rt.cfg.Dialer))
	}
	if rt.cfg.TLS != nil {
		common = append(common, kgo.DialTLSConfig(rt.cfg.TLS))
	}
	return kgo.NewClient(append(common, opts...)...)
}

// watch returns the error of the first task that fails.
func (rt *Runtime) watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-rt.failed:
		return err
	}
}

// fail ends the application with an error; the first one counts.
func (rt *Runtime) fail(err error) {
	select {
	case rt.failed <- err:
	default:
		rt.log.Error("a further failure", "err", err)
	}
}

// every calls fn once an interval. Its errors are logged: what it does can wait for the next time.
func (rt *Runtime) every(ctx context.Context, interval time.Duration, fn func(context.Context) error) error {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err := fn(ctx); err != nil && ctx.Err() == nil {
			rt.log.Warn("housekeeping", "err", err)
		}
	}
}

// cleanState deletes the state of tasks that have moved to other instances.
func (rt *Runtime) cleanState(context.Context) error {
	if rt.dir == nil {
		return nil
	}
	return rt.dir.clean(rt.cfg.Now(), rt.cfg.StateCleanupDelay, func(id processor.TaskID) bool {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		return rt.workers[id] != nil
	})
}

// finish commits for the last time and leaves the group.
func (rt *Runtime) finish() error {
	ctx, cancel := context.WithTimeout(rt.workCtx, closeTimeout)
	defer cancel()
	workers := rt.active()
	err := rt.commit(ctx, workers, true)
	if err != nil && errors.Is(err, errWorkerEnded) { // the others may still be committed
		err = rt.commit(ctx, workers, true)
	}
	if err != nil {
		rt.log.Warn("last commit did not happen", "err", err)
	}
	rt.mu.Lock()
	rt.closing = true
	rt.mu.Unlock()
	rt.drop(rt.active())
	rt.client.CloseAllowingRebalance()
	rt.stopWork(nil)
	rt.workersDone.Wait()
	return nil
}

func (rt *Runtime) close() error {
	if rt.admin != nil {
		rt.admin.Close()
	}
	if rt.metrics != nil {
		rt.metrics.unregister()
	}
	if rt.dir == nil {
		return nil
	}
	return rt.dir.close()
}

// active returns all workers, by task.
func (rt *Runtime) active() []*worker {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	list := make([]*worker, 0, len(rt.workers))
	for _, id := range sortedTasks(rt.workers) {
		list = append(list, rt.workers[id])
	}
	return list
}

// owner returns the worker that reads a partition, nil if none does.
func (rt *Runtime) owner(topic string, partition int32) *worker {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.byTopic[topicPartition{topic, partition}]
}

// index brings what is derived from the workers up to date; mu is held.
func (rt *Runtime) index() {
	clear(rt.byTopic)
	stores := int64(0)
	for id, w := range rt.workers {
		for _, topic := range w.topics {
			rt.byTopic[topicPartition{topic, id.Partition}] = w
		}
		stores += int64(len(w.sub.Stores))
	}
	rt.perStore.Store(rt.cfg.StateMemory / max(stores, 1))
	rt.perTask.Store(rt.cfg.StateMemory / 2 / max(int64(len(rt.workers)), 1))
}

// storeBytes is the memory budget of one store.
func (rt *Runtime) storeBytes() int64 { return max(rt.perStore.Load(), 1) }

// pendingLimit is how much uncommitted state a task may have before a commit is asked for.
func (rt *Runtime) pendingLimit() int64 { return max(rt.perTask.Load(), 1) }

// checkReady closes Ready when all tasks run.
func (rt *Runtime) checkReady() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if !rt.joined {
		return
	}
	for _, w := range rt.workers {
		if workerState(w.state.Load()) != running {
			return
		}
	}
	rt.readyOnce.Do(func() { close(rt.ready) })
}

// Dropped returns how many records were dropped.
func (rt *Runtime) Dropped() int64 {
	n := rt.ended.Load()
	for _, w := range rt.active() {
		n += w.drops()
	}
	return n
}

// acquireRestore waits for a slot to restore state in.
func (rt *Runtime) acquireRestore(ctx context.Context) (release func(), err error) {
	select {
	case rt.restores <- struct{}{}:
		return func() { <-rt.restores }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lockCommit takes commitMu unless ctx ends before: who holds it may wait for the worker that wants it to stop.
func (rt *Runtime) lockCommit(ctx context.Context) error {
	for !rt.commitMu.TryLock() {
		if sleep(ctx, commitLockPause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// commitLockPause is how often lockCommit looks.
const commitLockPause = 2 * time.Millisecond

func (rt *Runtime) nowMs() int64 { return rt.cfg.Now().UnixMilli() }

// clientLog passes the client's messages on, a level lower: what it calls information is detail here.
type clientLog struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (l clientLog) Level() kgo.LogLevel {
	switch ctx := context.Background(); {
	case l.log.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case l.log.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelWarn
	default:
		return kgo.LogLevelError
	}
}

// Log implements kgo.Logger.
func (l clientLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelWarn
	case kgo.LogLevelWarn:
		to = slog.LevelInfo
	}
	l.log.Log(context.Background(), to, "kafka client: "+msg, keyvals...)
}
