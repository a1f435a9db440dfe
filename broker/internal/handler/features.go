package handler

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// feature is a level of behaviour that clients look for before they use it.
type feature struct {
	name string
	max  int16
	api  kmsg.Key // a feature is there if this API is served
}

// features lists what Kafka has a level for, of what this broker can serve.
func features() []feature {
	return []feature{
		{groupVersion, 1, kmsg.ConsumerGroupHeartbeat},   // KIP-848
		{"transaction.version", txnVersion, kmsg.EndTxn}, // KIP-890
	}
}

// supported lists the features of the APIs that are served.
func supported(routes []server.Route) []feature {
	var fs []feature
	for _, f := range features() {
		if slices.ContainsFunc(routes, func(r server.Route) bool { return r.Key() == f.api.Int16() }) {
			fs = append(fs, f)
		}
	}
	return fs
}

// groupVersion is the feature that the consumer protocol of groups belongs to (KIP-848).
const groupVersion = "group.version"

// Errors of those who use the consumer protocol where it is switched off: by the feature, or by
// group.coordinator.rebalance.protocols.
var (
	errNoConsumerProtocol       = fmt.Errorf("group.version is 0: %w", kerr.UnsupportedVersion)
	errConsumerProtocolDisabled = fmt.Errorf("group.coordinator.rebalance.protocols does not name consumer: %w", kerr.UnsupportedVersion)
)

// consumerProtocol tells whether groups may use the consumer protocol.
func (g *Groups) consumerProtocol() error {
	if l, ok := g.metadata.Image().Feature(groupVersion); ok && l == 0 {
		return errNoConsumerProtocol
	}
	if !g.modern {
		return errConsumerProtocolDisabled
	}
	return nil
}

// level is the finalized level of a feature: what the metadata says, or the
// newest where nobody ever decided.
func (f feature) level(img *metadata.Image) int16 {
	if l, ok := img.Feature(f.name); ok {
		return l
	}
	return f.max
}
