package handler

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/quota"
	"github.com/chortal/chortal/broker/internal/server"
)

// Deps is what the handlers work on.
type Deps struct {
	// NodeID is this broker's id.
	NodeID int32
	// Metadata answers what exists and takes changes. Required.
	Metadata metadata.Controller
	// Partitions holds the logs. It must be subscribed to Metadata before the
	// first request, so that a created topic has its partitions when
	// CreateTopics answers. Required.
	Partitions *partition.Manager
	// Groups serves the group and offset APIs. Nil: they are not served.
	Groups *Groups
	// Txns serves the APIs of transactions, and lets producers have transactional
	// ids. Nil: they are not served, and producers refused.
	Txns *Txns
	// Static is the broker's own configuration: the keys and values of
	// server.properties, without defaults.
	Static map[string]string
	// Security serves SASL, ACLs and SCRAM credentials, and guards all APIs. Nil:
	// they are not served, and everybody may do everything.
	Security *Security
	// Quotas limits what clients fetch, create and delete. Nil: nothing is limited.
	Quotas *quota.Manager
	// Logger takes what a client cannot be told. Nil: slog.Default.
	Logger *slog.Logger
	// Failed counts the errors that clients are told. Nil: nobody counts.
	Failed CountError
}

// Handlers is the state that requests share.
type Handlers struct {
	node       int32
	metadata   metadata.Controller
	partitions *partition.Manager
	static     map[string]string
	security   *Security
	quotas     *quota.Manager // may be nil
	log        *slog.Logger
	failed     CountError

	routes []server.Route // the whole table, for ApiVersions

	sessions *sessionCache
	limits   atomic.Pointer[limits]

	configs sync.Mutex // held while configs are read, changed and proposed

	producerIDs *producerIDs
	txns        *Txns
	telemetry   *telemetry
}

// Routes returns the table of all APIs that this broker serves.
func Routes(d Deps) []server.Route {
	h := &Handlers{
		node: d.NodeID, metadata: d.Metadata, partitions: d.Partitions, static: d.Static, security: d.Security, log: d.Logger,
		txns: d.Txns, quotas: d.Quotas, failed: d.Failed,
	}
	if d.Txns != nil {
		h.producerIDs = d.Txns.ids
	} else {
		h.producerIDs = newProducerIDs(d.NodeID, d.Metadata)
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	static := configdef.Layers{Static: d.Static}
	h.telemetry = newTelemetry(int(static.Int64(configdef.Broker, "telemetry.max.bytes")))
	h.sessions = newSessionCache(int(static.Int64(configdef.Broker, "max.incremental.fetch.session.cache.slots")), sessionEvictAge)
	h.routes = []server.Route{
		server.OnDeferred(0, 13, h.produce),
		server.OnDeferred(4, 18, h.fetch),
		server.On(0, 11, h.listOffsets),
		server.On(0, 13, h.metadataOf),
		server.On(0, 5, h.apiVersions),
		server.On(0, 7, h.createTopics),
		server.On(0, 6, h.deleteTopics),
		server.On(0, 2, h.deleteRecords),
		server.OnDeferred(0, 5, h.initProducerID),
		server.On(0, 4, h.offsetForLeaderEpoch),
		server.On(0, 4, h.describeConfigs),
		server.On(0, 2, h.alterConfigs),
		server.On(0, 5, h.describeLogDirs),
		server.On(0, 3, h.createPartitions),
		server.On(0, 1, h.incrementalAlterConfigs),
		server.On(0, 1, h.describeClientQuotas),
		server.On(0, 1, h.alterClientQuotas),
		server.On(0, 2, h.describeCluster),
		server.On(0, 0, h.describeProducers),
		server.On(0, 1, h.listConfigResources),
		server.On(0, 0, h.describeTopicPartitions),
		server.On(0, 2, h.alterReplicaLogDirs),
		server.On(0, 2, h.electLeaders),
		server.On(0, 1, h.alterPartitionAssignments),
		server.On(0, 0, h.listPartitionReassignments),
		server.On(0, 2, h.describeQuorum),
		server.On(0, 2, h.updateFeatures),
		server.On(0, 0, h.getTelemetrySubscriptions),
		server.On(0, 0, h.pushTelemetry),
	}
	if d.Groups != nil {
		h.routes = append(h.routes, groupRoutes(d.Groups)...)
	}
	if d.Txns != nil {
		h.routes = append(h.routes, txnRoutes(d.Txns)...)
	}
	if d.Security != nil {
		h.routes = append(h.routes, securityRoutes(d.Security)...)
	}
	h.routes = d.Security.guardRoutes(h.routes)
	slices.SortFunc(h.routes, func(a, b server.Route) int { return int(a.Key()) - int(b.Key()) })
	return h.routes
}

// layers says where a broker config may be set, as of the image.
func (h *Handlers) layers(img *metadata.Image) configdef.Layers {
	return configdef.Layers{
		DynamicBroker:  img.Configs(brokerResource(h.node)),
		DynamicDefault: img.Configs(metadata.ConfigResource{Type: metadata.BrokerResource}),
		Static:         h.static,
	}
}

// limits are broker configs that are too often asked for to be looked up.
type limits struct {
	img           *metadata.Image
	fetchMaxBytes int64
}

func (h *Handlers) limitsOf(img *metadata.Image) *limits {
	if l := h.limits.Load(); l != nil && l.img == img {
		return l
	}
	l := &limits{img: img, fetchMaxBytes: h.layers(img).Int64(configdef.Broker, "fetch.max.bytes")}
	h.limits.Store(l)
	return l
}

// topicLayers is layers with the topic's own settings on top.
func (h *Handlers) topicLayers(img *metadata.Image, t *metadata.Topic) configdef.Layers {
	l := h.layers(img)
	l.Override = t.Configs
	return l
}

// advertised returns where the client of c reaches a broker: over the same
// listener that it came in by.
func advertised(img *metadata.Image, self, node int32, c *server.Conn) (host string, port int32) {
	if node == self {
		if host, port = c.Advertised(); host != "" {
			return host, port
		}
	}
	b, ok := img.Broker(node)
	if !ok {
		return "", -1
	}
	e := b.Endpoint(c.Listener())
	return e.Host, e.Port
}

// code is the package's code that also logs what a client cannot be told: an
// error that is no kerr is a bug or the disk.
func (h *Handlers) code(ctx context.Context, c *server.Conn, api string, err error) int16 {
	if err == nil {
		return 0
	}
	k, ok := errors.AsType[*kerr.Error](err)
	if !ok || k == kerr.KafkaStorageError || k == kerr.UnknownServerError {
		h.log.ErrorContext(ctx, "answer request", "api", api, "client_id", c.ClientID(), "err", err)
	}
	h.failed.count(api, k)
	return code(err)
}
