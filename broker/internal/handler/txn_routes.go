package handler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/coordinator"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/partition"
	"github.com/chortal/chortal/broker/internal/server"
	"github.com/chortal/chortal/broker/internal/txn"
)

// TxnsConfig is what the transaction coordinator works on.
type TxnsConfig struct {
	// NodeID is this broker's id.
	NodeID int32
	// Metadata says which topics exist, takes the creation of __transaction_state and gives
	// out producer ids. Required.
	Metadata metadata.Controller
	// Partitions holds the logs. It must be subscribed to Metadata already. Required.
	Partitions *partition.Manager
	// Groups takes the offsets of transactions. Required.
	Groups *Groups
	// Static is the broker's own configuration, as in [Deps].
	Static map[string]string
	// Logger takes what a client cannot be told. Nil: slog.Default.
	Logger *slog.Logger
	// Failed is that of [Deps].
	Failed CountError
	// Coordinator is told of what happens. Nil: nobody.
	Coordinator *coordinator.Observer
}

// Txns is the transaction coordinator of this broker with its APIs.
type Txns struct {
	metadata   metadata.Controller
	partitions *partition.Manager
	groups     *Groups
	runtime    *coordinator.Runtime[*txn.Machine]
	ids        *producerIDs
	log        *slog.Logger
	failed     CountError
	patience   time.Duration  // of a Produce for the end of the producer's last transaction
	sending    sync.WaitGroup // markers that are being written

	mu      sync.Mutex
	lookups map[int64]int // guarded by mu: Produce requests by producer id whose transaction is being looked up
}

// NewTxns makes the coordinator. It answers from then on, but only while Run runs do
// transactions end that were open before a restart.
func NewTxns(c TxnsConfig) *Txns {
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	static := configdef.Layers{Static: c.Static}
	number := func(key string) int64 { return static.Int64(configdef.Broker, key) }
	millis := func(key string) time.Duration { return time.Duration(number(key)) * time.Millisecond }
	topic := &internalTopic{
		name: metadata.TransactionsTopic, metadata: c.Metadata, logs: c.Partitions,
		partitions: int32(number("transaction.state.log.num.partitions")),
		segment:    static.Text(configdef.Broker, "transaction.state.log.segment.bytes"),
	}
	topic.keepPartitions()
	x := &Txns{
		metadata: c.Metadata, partitions: c.Partitions, groups: c.Groups, log: log, failed: c.Failed,
		ids: newProducerIDs(c.NodeID, c.Metadata), lookups: make(map[int64]int),
		patience: millis("add.partitions.to.txn.retry.backoff.max.ms"),
	}
	machine := txn.Config{
		NewProducerID:   x.ids.take,
		Send:            x.send,
		MaxTimeout:      millis("transaction.max.timeout.ms"),
		Expiration:      millis("transactional.id.expiration.ms"),
		ExpirationCheck: millis("transaction.remove.expired.transaction.cleanup.interval.ms"),
	}
	x.runtime = coordinator.New(coordinator.Config[*txn.Machine]{
		Name: metadata.TransactionsTopic, Topic: topic, Partitions: topic.partitions, Logger: log, Observer: c.Coordinator,
		New: func(int32) *txn.Machine { return txn.New(machine) },
	})
	return x
}

// Stats is what the coordinator's partitions are at.
func (x *Txns) Stats() coordinator.Stats { return x.runtime.Stats() }

// Run coordinates until ctx ends, then answers what is still open. It must end before the
// groups' Run does, for it writes markers there.
func (x *Txns) Run(ctx context.Context) error {
	err := x.runtime.Run(ctx)
	x.sending.Wait()
	return err
}

// txnRoutes are the APIs of the transaction coordinator, and those that only make sense with
// one.
func txnRoutes(x *Txns) []server.Route {
	return []server.Route{
		server.OnDeferred(0, 5, x.addPartitionsToTxn),
		server.OnDeferred(0, 4, x.addOffsetsToTxn),
		server.OnDeferred(0, 5, x.endTxn),
		server.OnDeferred(1, 2, x.writeTxnMarkers),
		server.OnDeferred(0, 6, x.txnOffsetCommit),
		server.OnDeferred(0, 0, x.describeTransactions),
		server.OnDeferred(0, 2, x.listTransactions),
	}
}

// txnStep is what a request does with the machine that holds its transactional id.
type txnStep[P any] func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[P])

// askTxn has the machine of a transactional id run a step. done gets the answer.
func askTxn[P any](x *Txns, id string, step txnStep[P], done func(P, error)) {
	askTxnPartition(x, x.runtime.PartitionFor(id), step, done)
}

func askTxnPartition[P any](x *Txns, p int32, step txnStep[P], done func(P, error)) {
	x.runtime.DoPartition(p, coordinator.Step[*txn.Machine]{
		Run: func(m *txn.Machine, now time.Time, out *coordinator.Out) { step(m, now, out, done) },
		Refuse: func(err error) {
			var none P
			done(none, err)
		},
	})
}

// code converts an error, and logs it if the client cannot be told.
func (x *Txns) code(api, id string, err error) int16 {
	if err == nil {
		return 0
	}
	k, ok := errors.AsType[*kerr.Error](err)
	if !ok || k == kerr.UnknownServerError {
		x.log.Error("answer request", "api", api, "txn_id", id, "err", err)
	}
	x.failed.count(api, k)
	return code(err)
}

// exists says whether there is such a partition.
func (x *Txns) exists(topic string, index int32) bool {
	t, ok := x.metadata.Image().Topic(topic)
	if ok {
		_, ok = t.Partition(index)
	}
	return ok
}

// membership tells for each partition whether it belongs to a producer's transaction, which a
// client of KIP-890 lets it join (version 2) and an older one had it join before. None
// belongs for an error.
func (x *Txns) membership(id string, p coordinator.Producer, partitions []txn.TopicPartition, joins bool, done func(belongs []bool, err error)) {
	if !joins || len(partitions) == 0 {
		req := txn.VerifyRequest{TransactionalID: id, Producer: p, Partitions: partitions}
		askTxn(x, id, func(m *txn.Machine, _ time.Time, out *coordinator.Out, reply txn.Reply[[]bool]) {
			m.Verify(out, req, reply)
		}, done)
		return
	}
	req := txn.AddRequest{TransactionalID: id, Producer: p, Partitions: partitions, Version: txnVersion, Patience: x.patience}
	askTxn(x, id, func(m *txn.Machine, now time.Time, out *coordinator.Out, reply txn.Reply[struct{}]) {
		m.AddPartitions(now, out, req, reply)
	}, func(_ struct{}, err error) {
		belongs := make([]bool, len(partitions))
		for i := range belongs {
			belongs[i] = err == nil
		}
		done(belongs, err)
	})
}

// txnVersion is the transaction.version of clients that bump epochs (KIP-890).
const txnVersion = 2
