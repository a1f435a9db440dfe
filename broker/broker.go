package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/handler"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/quota"
	"github.com/chortal/chortal/broker/internal/server"
)

// Dialer opens connections to a broker. It is the type of kgo.Dialer's argument, and of the field Dialer in the
// configurations of streams and ksql.
type Dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// inMemoryAddr is what Addrs gives where there is no listener: Dialer takes any address.
const inMemoryAddr = "chortal.internal:9092"

// ErrRunning is returned by a second Run.
var ErrRunning = errors.New("broker ran already")

// Broker is one node.
type Broker struct {
	set      *settings
	registry *registry
	metrics  *metrics
	logs     *nodeMetrics

	coordinators *coordinatorMetrics
	listeners    []server.Listener
	pipe         *server.PipeListener
	ready        chan struct{}
	ran          atomic.Bool
	clusterID    atomic.Pointer[string]
	closing      sync.Once
	stopping     atomic.Bool
}

// New checks the configuration and binds the listeners, so that Addrs is known. Clients that connect wait until Run
// serves them. Call Run next, or Close to give the addresses up.
func New(c Config) (*Broker, error) {
	set, err := c.settings()
	if err != nil {
		return nil, fmt.Errorf("broker configuration: %w", err)
	}
	b := &Broker{
		set: set, ready: make(chan struct{}), pipe: server.NewPipeListener(inMemoryAddr),
		registry: &registry{inner: set.registerer}, metrics: newMetrics(), logs: newNodeMetrics(set), coordinators: newCoordinatorMetrics(),
	}
	b.clusterID.Store(&set.clusterID)
	if err := errors.Join(b.metrics.register(b.registry), b.registry.Register(b.logs), b.coordinators.register(b.registry)); err != nil {
		b.registry.close()
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := b.listen(); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// listen binds all listeners.
func (b *Broker) listen() error {
	for i := range b.set.endpoints {
		e := &b.set.endpoints[i]
		l, err := net.Listen("tcp", e.bind())
		if err != nil {
			return fmt.Errorf("listener %s: %w", e.name, err)
		}
		served := server.Listener{
			Name: e.name, Protocol: e.protocol, Net: l,
			AdvertisedHost: e.advertisedHost, AdvertisedPort: e.advertisedPort,
		}
		b.set.guards.secure(&served, b.set)
		b.listeners = append(b.listeners, served)
	}
	return nil
}

// Addrs are the addresses that the broker listens on, for kgo.SeedBrokers. Without a listener it is one name that only
// Dialer understands.
func (b *Broker) Addrs() []string {
	if len(b.listeners) == 0 {
		return []string{inMemoryAddr}
	}
	all := make([]string, len(b.listeners))
	for i := range b.listeners {
		all[i] = b.listeners[i].Net.Addr().String()
	}
	return all
}

// Dialer connects to this broker through memory, whatever address it is given.
func (b *Broker) Dialer() Dialer {
	return func(ctx context.Context, _, addr string) (net.Conn, error) { return b.pipe.Dial(ctx, addr) }
}

// Ready is closed when clients are served.
func (b *Broker) Ready() <-chan struct{} { return b.ready }

// ClusterID is the id of the cluster, empty until Ready if the configuration did not give it.
func (b *Broker) ClusterID() string { return *b.clusterID.Load() }

// NodeID is the broker's id.
func (b *Broker) NodeID() int32 { return b.set.nodeID }

// Close gives up the addresses of a broker that never ran. After Run it does nothing.
func (b *Broker) Close() error {
	var errs []error
	b.closing.Do(func() {
		b.registry.close()
		errs = append(errs, b.pipe.Close())
		for i := range b.listeners {
			errs = append(errs, b.listeners[i].Net.Close())
		}
	})
	return errors.Join(errs...)
}

// Run recovers the logs and serves until ctx ends. Then it takes no more requests, answers those that it has, and shuts
// down cleanly: all logs are synced and the next start needs no recovery. It returns nil after that, and an error if
// something broke. It can be called once.
func (b *Broker) Run(ctx context.Context) error {
	if b.ran.Swap(true) {
		return ErrRunning
	}
	defer b.Close()
	start := time.Now()
	b.set.logStart()
	n, err := b.open()
	if err != nil {
		return err
	}
	b.logs.node.Store(n)
	defer b.logs.node.Store(nil)
	b.coordinators.watch(n)
	defer b.coordinators.watch(nil)
	defer context.AfterFunc(ctx, func() { b.stopping.Store(true) })()
	err = n.run(ctx, func() {
		close(b.ready)
		b.set.log.Info("broker is ready", "node", b.set.nodeID, "cluster", b.ClusterID(), "addrs", b.Addrs(), "took", time.Since(start))
	})
	return errors.Join(err, n.close())
}

// node is a running broker: its parts, in the order in which they depend on each other.
type node struct {
	b          *Broker
	metadata   *metadata.Log
	partitions *partition.Manager
	sameBoot   bool // the operating system has been up since the log dirs were used last
	publisher  *publisher
	quotas     *quota.Manager
	cancel     func() // of the subscription
	groups     *handler.Groups
	txns       *handler.Txns
	security   *handler.Security
	server     *server.Server
}

// open recovers everything that lies on disk and builds the parts.
func (b *Broker) open() (_ *node, err error) {
	n := &node{b: b}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	dirs, err := b.dirs()
	if err != nil {
		return nil, err
	}
	durability, err := partition.ParseDurability(b.set.durability)
	if err != nil {
		return nil, err
	}
	if n.partitions, err = partition.Open(b.partitionConfig(dirs, durability)); err != nil {
		return nil, fmt.Errorf("open log dirs: %w", err)
	}
	n.sameBoot = sameBoot(dirs, bootID())
	clusterID := n.partitions.ClusterID()
	b.clusterID.Store(&clusterID)
	n.metadata, err = metadata.Open(dirs[0].FS, ".", metadata.Options{NoSync: durability == partition.None, Logger: b.set.log})
	if err != nil {
		return nil, err
	}
	if err := n.register(); err != nil {
		return nil, err
	}
	n.quotas = quota.New(b.quotaConfig())
	n.publisher = newPublisher(b.set, n.partitions, n.quotas)
	n.cancel = n.metadata.Subscribe(n.publisher)
	if err := n.publisher.opened(); err != nil {
		return nil, err
	}
	return n, n.serverParts()
}

// dirs opens the file systems of the log dirs.
func (b *Broker) dirs() ([]partition.Dir, error) {
	var dirs []partition.Dir
	for _, path := range b.set.dirs {
		fsys := fs.FS(fs.NewMem())
		if !b.set.inMemory {
			var err error
			if fsys, err = fs.NewOS(path); err != nil {
				return nil, fmt.Errorf("open log dir %s: %w", path, err)
			}
		}
		dirs = append(dirs, partition.Dir{Path: path, FS: fsys})
	}
	return dirs, nil
}

func (b *Broker) partitionConfig(dirs []partition.Dir, d partition.Durability) partition.Config {
	s := b.set
	return partition.Config{
		Dirs: dirs, ClusterID: s.clusterID, NodeID: s.nodeID, Durability: d,
		RetentionCheckInterval: milliseconds(s.number("log.retention.check.interval.ms")),
		RecoveryPointInterval:  milliseconds(s.number("log.flush.offset.checkpoint.interval.ms")),
		HighWatermarkInterval:  milliseconds(s.number("replica.high.watermark.checkpoint.interval.ms")),
		RecoveryThreads:        int(s.number("num.recovery.threads.per.data.dir")),
		ProducerIDExpiration:   milliseconds(s.number("producer.id.expiration.ms")),
		Logger:                 s.log,
		Registerer:             b.registry,
	}
}

func (b *Broker) quotaConfig() quota.Config {
	s := b.set
	return quota.Config{
		Samples: int(s.number("quota.window.num")), Window: milliseconds(1000 * s.number("quota.window.size.seconds")),
		MutationSamples: int(s.number("controller.quota.window.num")), MutationWindow: milliseconds(1000 * s.number("controller.quota.window.size.seconds")),
		Logger: s.log, Registerer: b.registry,
	}
}

// register writes this broker, and the cluster's id, into the metadata.
func (n *node) register() error {
	var recs []metadata.Record
	if n.metadata.Image().ClusterID() == "" {
		recs = append(recs, &metadata.ClusterRecord{ID: n.partitions.ClusterID()})
	}
	me := &metadata.BrokerRecord{ID: n.b.set.nodeID, Rack: n.b.set.rack, Unclean: n.partitions.Unclean() && !n.sameBoot}
	for i := range n.b.listeners {
		me.Endpoints = append(me.Endpoints, endpointOf(&n.b.listeners[i]))
	}
	recs = append(recs, me)
	if _, err := n.metadata.Propose(recs); err != nil {
		return fmt.Errorf("register broker: %w", err)
	}
	return nil
}

func endpointOf(l *server.Listener) metadata.Endpoint {
	e := metadata.Endpoint{Listener: l.Name, Host: l.AdvertisedHost, Port: l.AdvertisedPort}
	if a, ok := l.Net.Addr().(*net.TCPAddr); ok && e.Host == "" {
		e.Host, e.Port = a.IP.String(), int32(a.Port)
	}
	return e
}

// serverParts builds what answers requests.
func (n *node) serverParts() (err error) {
	s := n.b.set
	n.groups = handler.NewGroups(handler.GroupsConfig{
		NodeID: s.nodeID, Metadata: n.metadata, Partitions: n.partitions, Static: s.static, Logger: s.log, Failed: n.b.metrics.Failed,
		Coordinator: n.b.coordinators.groups.observer(), Groups: n.b.coordinators.observeGroups(),
	})
	n.txns = handler.NewTxns(handler.TxnsConfig{
		NodeID: s.nodeID, Metadata: n.metadata, Partitions: n.partitions, Groups: n.groups, Static: s.static, Logger: s.log, Failed: n.b.metrics.Failed,
		Coordinator: n.b.coordinators.txns.observer(),
	})
	overrides, err := parseOverrides(s.layers.List(configdef.Broker, "max.connections.per.ip.overrides"))
	if err != nil {
		return err
	}
	n.security = s.guards.handlers(s, n.metadata)
	n.server, err = server.New(server.Config{
		Routes: handler.Routes(handler.Deps{
			Security: n.security,
			NodeID:   s.nodeID, Metadata: n.metadata, Partitions: n.partitions, Static: s.static, Logger: s.log,
			Groups: n.groups, Txns: n.txns, Quotas: n.quotas, Failed: n.b.metrics.Failed,
		}),
		Quotas:            n.quotas,
		Logger:            s.log,
		Hooks:             n.b.metrics,
		MaxRequestBytes:   int32(s.number("socket.request.max.bytes")),
		MaxInFlightBytes:  s.number("queued.max.request.bytes"),
		MaxConns:          int(s.number("max.connections")),
		MaxConnsPerIP:     int(s.number("max.connections.per.ip")),
		MaxConnsOverrides: overrides,
		IdleTimeout:       s.idleTimeout,
		DrainTimeout:      s.drain,
	})
	return err
}

// run serves until ctx ends. The parts end in the reverse order of their dependence: first the server, which drains,
// then the coordinators, which append their last records, then the partitions.
func (n *node) run(ctx context.Context, ready func()) error {
	detached := context.WithoutCancel(ctx)
	partitionsCtx, stopPartitions := context.WithCancel(detached)
	groupsCtx, stopGroups := context.WithCancel(detached)
	txnsCtx, stopTxns := context.WithCancel(detached)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.partitions.Run(partitionsCtx) })
	g.Go(func() error { return n.security.Run(ctx) })
	g.Go(func() error { return n.quotas.Run(ctx) })
	g.Go(func() error {
		defer stopPartitions()
		return n.groups.Run(groupsCtx)
	})
	g.Go(func() error {
		defer stopGroups()
		return n.txns.Run(txnsCtx)
	})
	g.Go(func() error {
		defer stopTxns()
		listeners := append([]server.Listener{{Name: "PLAINTEXT", Net: n.b.pipe, Principal: n.b.set.guards.pipePrincipal()}}, n.b.listeners...)
		return n.server.Serve(ctx, listeners...)
	})
	ready()
	return g.Wait()
}

// close lets go of what open made.
func (n *node) close() error {
	var errs []error
	if n.cancel != nil {
		n.cancel()
	}
	if n.metadata != nil {
		errs = append(errs, n.metadata.Close())
	}
	if n.partitions != nil {
		errs = append(errs, n.partitions.Close())
	}
	return errors.Join(errs...)
}
