package broker

import (
	"fmt"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// Component is a part of a broker that serves some of its clients' requests.
type Component struct {
	// Name is broker, groups or transactions.
	Name string
	// Reason is why it does not serve now, empty if it does.
	Reason string
}

// Components are the parts of the broker and whether they serve: the broker itself, when its logs are open and at least
// one log dir works; the coordinators, when they have read their logs.
func (b *Broker) Components() []Component {
	self, groups, txns := Component{Name: "broker"}, Component{Name: "groups"}, Component{Name: "transactions"}
	n := b.logs.node.Load()
	switch {
	case b.stopping.Load():
		self.Reason = "shutting down"
	case n == nil:
		self.Reason = "log dirs are being opened"
	case len(n.partitions.Volumes()) == 0:
		self.Reason = "no log dir works"
	}
	if groups.Reason, txns.Reason = self.Reason, self.Reason; self.Reason == "" {
		groups.Reason = loadingReason(metadata.OffsetsTopic, n.groups)
		txns.Reason = loadingReason(metadata.TransactionsTopic, n.txns)
	}
	return []Component{self, groups, txns}
}

func loadingReason(topic string, c interface{ Loading() (loading, all int) }) string {
	if loading, all := c.Loading(); loading > 0 {
		return fmt.Sprintf("%d of %d partitions of %s are not loaded", loading, all, topic)
	}
	return ""
}
