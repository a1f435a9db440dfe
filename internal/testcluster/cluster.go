package testcluster

import (
	"context"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/chortal/chortal/broker"
)

// startTimeout bounds how long a broker may take to be ready, and to end.
const startTimeout = 20 * time.Second

// Config says what kind of broker a test wants. The zero value is a broker in memory that only its Dialer reaches.
type Config struct {
	// OnDisk keeps the files in a temporary folder, so that the broker can restart.
	OnDisk bool
	// Dir is the folder of OnDisk; default: one that the test's end removes.
	Dir string
	// TCP lets the broker listen on a free port of 127.0.0.1.
	TCP bool
	// Properties are further keys of server.properties. By default groups do not wait for members, and
	// durability is none.
	Properties map[string]string
	// Verbose sends the broker's log to the test's.
	Verbose bool
}

// Cluster is a running broker.
type Cluster struct {
	t      testing.TB
	c      Config
	addr   string // of the first start with TCP; later starts take it again
	broker *broker.Broker
	cancel context.CancelFunc
	done   chan error
}

// Start runs a broker until the test ends.
func Start(t testing.TB, c Config) *Cluster {
	t.Helper()
	if c.OnDisk && c.Dir == "" {
		c.Dir = t.TempDir()
	}
	cl := &Cluster{t: t, c: c, addr: "127.0.0.1:0"}
	cl.start()
	t.Cleanup(cl.Stop)
	return cl
}

func (c *Cluster) start() {
	c.t.Helper()
	b, err := broker.New(c.config())
	if err != nil {
		c.t.Fatalf("start broker: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.broker, c.cancel, c.done = b, cancel, make(chan error, 1)
	go func() { c.done <- b.Run(ctx) }()
	select {
	case <-b.Ready():
	case err := <-c.done:
		cancel()
		c.t.Fatalf("start broker: %v", err)
	case <-time.After(startTimeout):
		cancel()
		c.t.Fatal("broker is not ready")
	}
	if c.c.TCP {
		c.addr = b.Addrs()[0]
	}
}

func (c *Cluster) config() broker.Config {
	p := map[string]string{"group.initial.rebalance.delay.ms": "0", "durability": "none"}
	maps.Copy(p, c.c.Properties)
	cfg := broker.Config{InMemory: !c.c.OnDisk, Listeners: []string{}, Properties: p, Logger: slog.New(slog.DiscardHandler)}
	if c.c.OnDisk {
		cfg.LogDirs = []string{c.c.Dir}
	}
	if c.c.TCP {
		cfg.Listeners = []string{c.addr}
	}
	if c.c.Verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(logWriter{c.t}, nil))
	}
	return cfg
}

// logWriter writes lines to the test's log.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Log(string(b))
	return len(b), nil
}

// Broker is the running broker.
func (c *Cluster) Broker() *broker.Broker { return c.broker }

// Seeds are the addresses to begin with.
func (c *Cluster) Seeds() []string { return c.broker.Addrs() }

// Dialer connects to the broker in memory, also after a restart.
func (c *Cluster) Dialer() broker.Dialer { return c.broker.Dialer() }

// Options make a kgo client use this broker, in memory.
func (c *Cluster) Options() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(c.Seeds()...), kgo.Dialer(c.Dialer())}
}

// Client makes a client of this broker, closed when the test ends.
func (c *Cluster) Client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append(c.Options(), opts...)...)
	if err != nil {
		c.t.Fatalf("make client: %v", err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// Stop ends the broker as SIGTERM would. A second call does nothing.
func (c *Cluster) Stop() {
	c.t.Helper()
	if c.cancel == nil {
		return
	}
	c.cancel()
	c.cancel = nil
	select {
	case err := <-c.done:
		if err != nil {
			c.t.Errorf("broker: %v", err)
		}
	case <-time.After(startTimeout):
		c.t.Fatal("broker does not end")
	}
}

// Restart ends the broker and starts it again on the same files, and on the same port if it has one. What is only in
// memory is lost.
func (c *Cluster) Restart() {
	c.t.Helper()
	c.Stop()
	c.start()
}
