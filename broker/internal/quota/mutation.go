package quota

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Mutations is what one request may create and delete. It is used by one
// goroutine. A nil one is without limits.
type Mutations struct {
	manager *Manager
	who     Client
	limit   float64
	strict  bool

	waitMs int64 // for what was asked at askedMs
	askMs  int64
}

// Mutations returns the quota of a request that creates or deletes partitions.
// A strict one refuses them, for clients that understand; the other only makes
// the client wait afterwards.
func (m *Manager) Mutations(user, clientID string, strict bool) *Mutations {
	r := m.rules()
	if r == nil {
		return nil
	}
	who, limit, limited := r.kinds[mutation].of(userName(user), clientID)
	if !limited {
		return nil
	}
	return &Mutations{manager: m, who: who, limit: limit, strict: strict}
}

// Take asks for n partitions. THROTTLING_QUOTA_EXCEEDED if the client may have
// none at present.
func (q *Mutations) Take(n int) error {
	if q == nil {
		return nil
	}
	nowMs := q.manager.nowMs()
	waitMs := q.manager.mutations.take(q.who, q.limit, float64(n), q.strict, nowMs)
	if waitMs == 0 {
		return nil
	}
	q.waitMs, q.askMs = waitMs, nowMs
	if q.strict {
		return fmt.Errorf("The throttling quota has been exceeded.: %w", kerr.ThrottlingQuotaExceeded) //nolint:staticcheck // Kafka's text
	}
	return nil
}

// Throttle is how long the client is to wait after the answer.
func (q *Mutations) Throttle() time.Duration {
	if q == nil || q.waitMs == 0 {
		return 0
	}
	return q.manager.metrics.throttled(mutation, max(q.waitMs-(q.manager.nowMs()-q.askMs), 0))
}
