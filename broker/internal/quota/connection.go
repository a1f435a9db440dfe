package quota

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// connections measures how often clients connect: to the broker, to each of
// its listeners, and from each address.
type connections struct {
	window window
	ips    *table[netip.Addr]
	limits atomic.Pointer[connectionLimits] // nil: none

	mu        sync.Mutex
	all       rate             // guarded by mu
	listeners map[string]*rate // guarded by mu
}

// connectionLimits is max.connection.creation.rate, of all and by listener.
type connectionLimits struct {
	all       float64
	listeners map[string]float64
}

func newConnections(w window) connections {
	return connections{window: w, ips: newTable[netip.Addr](w, false), listeners: map[string]*rate{}}
}

// LimitConnections sets the connections that the broker accepts in a second,
// and those of each listener. The largest int32 is no limit.
func (m *Manager) LimitConnections(all int64, listeners map[string]int64) {
	limit := func(n int64) float64 {
		if n >= math.MaxInt32 {
			return math.Inf(1)
		}
		return max(float64(n), 0)
	}
	limits := &connectionLimits{all: limit(all), listeners: make(map[string]float64, len(listeners))}
	some := !math.IsInf(limits.all, 1)
	for name, n := range listeners {
		limits.listeners[name] = limit(n)
		some = some || n < math.MaxInt32
	}
	if !some {
		limits = nil
	}
	m.connections.limits.Store(limits)
}

// Connect records a connection that a listener accepted. wait is how long it,
// and those behind it, are not to be served; refuse is how long it is to be
// left lying before it is closed, because its address connects too often. At
// most one of them is not zero.
func (m *Manager) Connect(listener string, from netip.Addr) (wait, refuse time.Duration) {
	if m == nil {
		return 0, 0
	}
	c := &m.connections
	nowMs := m.nowMs()
	if r := m.rules(); r != nil {
		if waitMs := c.fromIP(from.Unmap().WithZone(""), r, nowMs); waitMs > 0 {
			return 0, milliseconds(waitMs)
		}
	}
	limits := c.limits.Load()
	if limits == nil {
		return 0, 0
	}
	return milliseconds(c.toListener(listener, limits, nowMs)), 0
}

// fromIP returns how long a connection is refused; it does not count then.
func (c *connections) fromIP(from netip.Addr, r *rules, nowMs int64) (waitMs int64) {
	limit := r.ip(from)
	if math.IsInf(limit, 1) {
		return 0
	}
	if waitMs = c.ips.use(from, limit, 1, nowMs); waitMs > 0 {
		c.ips.add(from, limit, -1, nowMs)
	}
	return min(waitMs, c.window.lengthMs)
}

// toListener returns how long a connection has to wait.
func (c *connections) toListener(listener string, limits *connectionLimits, nowMs int64) (waitMs int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.record(c.window, 1, nowMs)
	if !math.IsInf(limits.all, 1) {
		waitMs = c.all.wait(c.window, limits.all, nowMs)
	}
	if limit, ok := limits.listeners[listener]; ok && !math.IsInf(limit, 1) {
		own := c.listeners[listener]
		if own == nil {
			own = new(rate)
			c.listeners[listener] = own
		}
		own.record(c.window, 1, nowMs)
		waitMs = max(waitMs, own.wait(c.window, limit, nowMs))
	}
	return min(waitMs, c.window.lengthMs)
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
