package quota

import (
	"context"
	"net/netip"
	"time"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// Lookup finds the addresses of a host, as net.Resolver does.
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

const (
	// tickEvery is how often idle measures are dropped and hosts without an address are looked up again.
	tickEvery = time.Minute
	// lookupTimeout bounds the lookup of one host.
	lookupTimeout = 5 * time.Second
)

// Run looks up hosts whose connections are limited, and forgets idle clients,
// until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
			m.lookUp(ctx)
		case <-t.C:
			m.sweep()
			m.lookUp(ctx)
		}
	}
}

func (m *Manager) sweep() {
	nowMs := m.nowMs()
	for _, t := range m.rates {
		t.sweep(nowMs)
	}
	m.mutations.sweep(nowMs)
	m.connections.ips.sweep(nowMs)
}

// lookUp finds the addresses of hosts that have none yet.
func (m *Manager) lookUp(ctx context.Context) {
	for _, host := range m.unknownHosts() {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		found, err := m.lookup(ctx, "ip", host)
		cancel()
		if err != nil || len(found) == 0 {
			m.log.Warn("look up host of a quota", "host", host, "err", err)
			continue
		}
		for i := range found {
			found[i] = found[i].Unmap().WithZone("")
		}
		m.arrange(func(known map[string][]netip.Addr) *metadata.Quotas {
			known[host] = found
			if r := m.active.Load(); r != nil {
				return r.quotas
			}
			return metadata.Empty().Quotas()
		})
	}
}

func (m *Manager) unknownHosts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.active.Load()
	if r == nil {
		return nil
	}
	var hosts []string
	for host := range r.hosts {
		if _, known := m.found[host]; !known {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
