package broker

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chortal/chortal/broker/internal/configdef"
)

// The defaults of Config.
const (
	DefaultNodeID   = 1
	DefaultListener = "PLAINTEXT://127.0.0.1:9092"
	DefaultLogDir   = "chortal-data"
)

// Config configures a broker. The zero value is the documented default of every field.
type Config struct {
	// NodeID is node.id, 1 by default.
	NodeID int32
	// ClusterID is the id that a new log dir is formatted with; default: a random one. A log dir of another cluster is
	// refused.
	ClusterID string
	// Listeners are addresses to listen on: "127.0.0.1:9092", "PLAINTEXT://:9092", port 0 for any. Default (nil): 127.0.0.1:9092,
	// and with InMemory none. With none, which is also what an empty slice says, only Dialer reaches the broker.
	Listeners []string
	// AdvertisedListeners are what clients are told to connect to, by listener name as in Kafka. Where one is missing,
	// clients are told the address that they dialled.
	AdvertisedListeners []string
	// LogDirs are the folders of the partitions; default "chortal-data". New ones are formatted.
	LogDirs []string
	// InMemory keeps all files in memory. They are gone with the broker.
	InMemory bool
	// Durability is "fsync" (default: acks=all is acknowledged when it is on disk) or "none" (when it is written; for tests and data
	// that may be lost to a power failure).
	Durability string
	// Properties are further broker keys of Kafka's server.properties, and ours, by name. The fields above win over them.
	Properties map[string]string
	// DrainTimeout bounds how long Run waits for requests on their way when it ends. Default 3 s.
	DrainTimeout time.Duration
	// Logger; default slog.Default.
	Logger *slog.Logger
	// Registerer takes the metrics; default: none.
	Registerer prometheus.Registerer
}

// settings is a Config with its defaults, read into Go types.
type settings struct {
	nodeID      int32
	clusterID   string
	rack        string
	endpoints   []endpoint
	dirs        []string
	inMemory    bool
	durability  string
	static      map[string]string // all broker keys that are set, without defaults
	layers      configdef.Layers
	unknown     []string // properties that nobody knows
	unused      []string // properties of Kafka that have no effect here
	unguarded   []string // those of them that someone may take for protection
	log         *slog.Logger
	registerer  prometheus.Registerer
	drain       time.Duration
	idleTimeout time.Duration
	guards      *guarding
}

// settings checks the configuration and resolves it.
func (c Config) settings() (*settings, error) {
	s := &settings{
		inMemory: c.InMemory, clusterID: c.ClusterID, drain: c.DrainTimeout,
		log: cmp.Or(c.Logger, slog.Default()), registerer: c.Registerer,
		static: c.properties(),
	}
	s.layers = configdef.Layers{Static: s.static}
	if err := s.check(); err != nil {
		return nil, err
	}
	id, err := s.node()
	if err != nil {
		return nil, err
	}
	s.nodeID = id
	s.rack = s.text("broker.rack")
	s.durability = s.text("durability")
	s.dirs = c.LogDirs // as they are: a name may hold a comma
	if len(s.dirs) == 0 {
		s.dirs = s.layers.List(configdef.Broker, "log.dirs")
	}
	if len(s.dirs) == 0 {
		s.dirs = s.layers.List(configdef.Broker, "log.dir")
	}
	s.idleTimeout = milliseconds(s.number("connections.max.idle.ms"))
	if s.endpoints, err = parseEndpoints(s); err != nil {
		return nil, err
	}
	if s.guards, err = s.guarding(); err != nil {
		return nil, err
	}
	return s, nil
}

// properties is Properties with the fields of c over them and our own defaults under them.
func (c Config) properties() map[string]string {
	p := maps.Clone(c.Properties)
	if p == nil {
		p = make(map[string]string)
	}
	set := func(key, value string) {
		if value != "" {
			p[key] = value
		}
	}
	if c.NodeID != 0 {
		set("node.id", strconv.Itoa(int(c.NodeID)))
		delete(p, "broker.id")
	}
	if c.Listeners != nil {
		p["listeners"] = joinListeners(c.Listeners)
	}
	set("advertised.listeners", joinListeners(c.AdvertisedListeners))
	set("log.dirs", strings.Join(c.LogDirs, ","))
	set("durability", c.Durability)
	if _, ok := p["listeners"]; !ok && !c.InMemory {
		p["listeners"] = DefaultListener
	}
	_, dirs := p["log.dirs"]
	_, dir := p["log.dir"]
	if !dirs && !dir {
		p["log.dirs"] = DefaultLogDir
	}
	return p
}

// joinListeners writes addresses as Kafka's list, with the name PLAINTEXT for those that have none.
func joinListeners(addrs []string) string {
	named := make([]string, 0, len(addrs))
	for _, a := range addrs {
		if !strings.Contains(a, "://") {
			a = "PLAINTEXT://" + a
		}
		named = append(named, a)
	}
	return strings.Join(named, ",")
}

// check validates every property that is known and sorts out the others.
func (s *settings) check() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.static)) {
		k, ok := configdef.Lookup(configdef.Broker, name)
		switch {
		case !ok && isPrefixed(name):
			errs = append(errs, s.checkPrefixed(name))
		case !ok:
			s.unknown = append(s.unknown, name)
		default:
			if err := configdef.Check(configdef.Broker, name, s.static[name]); err != nil {
				errs = append(errs, err)
			}
			if !k.Unused {
				continue
			}
			s.unused = append(s.unused, name)
			if k.Guards && s.static[name] != "" {
				s.unguarded = append(s.unguarded, name)
			}
		}
	}
	return errors.Join(errs...)
}

// isPrefixed tells whether a key configures one listener or one plugin: Kafka allows any such key.
func isPrefixed(name string) bool {
	for _, prefix := range []string{"listener.name.", "rlmm.config.", "rsm.config.", "config.providers.", "zookeeper."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// checkPrefixed validates a key of one listener where it is a key of all as well.
func (s *settings) checkPrefixed(name string) error {
	_, key, _ := strings.Cut(strings.TrimPrefix(name, "listener.name."), ".")
	if _, ok := configdef.Lookup(configdef.Broker, key); !ok {
		return nil
	}
	if err := configdef.Check(configdef.Broker, key, s.static[name]); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// node is node.id, or broker.id where only that is set.
func (s *settings) node() (int32, error) {
	_, node := s.static["node.id"]
	_, old := s.static["broker.id"]
	key := "node.id"
	switch {
	case node && old && s.number("node.id") != s.number("broker.id"):
		return 0, fmt.Errorf("node.id is %s and broker.id is %s: they must be equal", s.static["node.id"], s.static["broker.id"])
	case old && !node:
		key = "broker.id"
	case !node:
		return DefaultNodeID, nil
	}
	id := s.number(key)
	if id < 0 {
		return 0, fmt.Errorf("%s is %d: it must not be negative", key, id)
	}
	return int32(id), nil
}

func (s *settings) number(key string) int64 { return s.layers.Int64(configdef.Broker, key) }
func (s *settings) text(key string) string  { return s.layers.Text(configdef.Broker, key) }

// milliseconds is a duration; what is too long for one is the longest there is.
func milliseconds(n int64) time.Duration {
	const longest = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(n, longest)) * time.Millisecond
}

// logStart says what an operator should know of the configuration.
func (s *settings) logStart() {
	if len(s.unknown) > 0 {
		s.log.Warn("unknown configuration keys", "keys", strings.Join(s.unknown, ","))
	}
	if len(s.unused) > 0 {
		s.log.Info("configuration keys of Kafka that have no effect here", "keys", strings.Join(s.unused, ","))
	}
	if len(s.unguarded) > 0 {
		s.log.Warn("these keys protect nothing here", "keys", strings.Join(s.unguarded, ","))
	}
	for _, e := range s.endpoints {
		if !e.loopback() && !e.protocol.SASL() && !s.guards.listeners[e.name].clientCerts {
			s.log.Warn("listener without authentication is open to the network", "listener", e.name, "addr", e.bind())
		}
	}
}
