package ksql

import "sync"

// pullCache keeps prepared pull queries by their text. When it is full it starts anew.
type pullCache struct {
	mu    sync.RWMutex
	plans map[string]*pullPlan // guarded by mu
}

func (c *pullCache) get(sql string) (*pullPlan, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.plans[sql]
	return p, ok
}

func (c *pullCache) put(sql string, p *pullPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || len(c.plans) >= maxPullPlans {
		c.plans = make(map[string]*pullPlan, maxPullPlans)
	}
	c.plans[sql] = p
}
