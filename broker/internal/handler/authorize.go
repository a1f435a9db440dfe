package handler

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// Authorization stands before the handlers and not in them: the guard of an
// API takes out of a request what the client may not do, lets the handler
// answer the rest, and adds the refusals to its answer. Who may do everything
// meets no guard at all. What an API needs, and how it refuses, is Kafka's
// table ("Operations and Resources on Protocols").

// verdict is what a guard says of a request: an answer if nothing is left of
// it, or what is to be done to the handler's answer, which may be nothing.
type verdict[P kmsg.Response] struct {
	answer P
	denied bool // answer is all
	edit   func(P)
}

// denied answers instead of the handler.
func denied[P kmsg.Response](answer P) verdict[P] { return verdict[P]{answer: answer, denied: true} }

// edited lets the handler answer and changes its answer.
func edited[P kmsg.Response](edit func(P)) verdict[P] { return verdict[P]{edit: edit} }

// passed leaves all to the handler.
func passed[P kmsg.Response]() verdict[P] { return verdict[P]{} }

// The codes of refusals.
var (
	topicRefused       = kerr.TopicAuthorizationFailed.Code
	groupRefused       = kerr.GroupAuthorizationFailed.Code
	clusterRefused     = kerr.ClusterAuthorizationFailed.Code
	transactionRefused = kerr.TransactionalIDAuthorizationFailed.Code
)

// refusalText is what Kafka says with such a code.
func refusalText(code int16) *string {
	text := "Authorization failed."
	switch code {
	case topicRefused:
		text = "Topic authorization failed."
	case groupRefused:
		text = "Group authorization failed."
	case clusterRefused:
		text = "Cluster authorization failed."
	case transactionRefused:
		text = "Transactional Id authorization failed."
	}
	return &text
}

// guard is the guard of one API. It may change the request.
type guard func(a *access, req kmsg.Request) (answer kmsg.Response, edit func(kmsg.Response))

// guarding gives a guard its types.
func guarding[Q kmsg.Request, P kmsg.Response](judge func(a *access, req Q) verdict[P]) guard {
	return func(a *access, req kmsg.Request) (kmsg.Response, func(kmsg.Response)) {
		v := judge(a, req.(Q))
		switch {
		case v.denied:
			return v.answer, nil
		case v.edit == nil:
			return nil, nil
		}
		return nil, func(resp kmsg.Response) { v.edit(resp.(P)) }
	}
}

// open is the guard of what everybody may ask, or whose handler looks itself.
func open(*access, kmsg.Request) (kmsg.Response, func(kmsg.Response)) { return nil, nil }

// guards has an entry for every API that may be served.
func guards() map[kmsg.Key]guard {
	return map[kmsg.Key]guard{
		kmsg.Produce:              guarding(guardProduce),
		kmsg.Fetch:                open, // see fetch.target: sessions name partitions that the request does not
		kmsg.ListOffsets:          guarding(guardListOffsets),
		kmsg.Metadata:             guarding(guardMetadata),
		kmsg.OffsetCommit:         guarding(guardOffsetCommit),
		kmsg.OffsetFetch:          guarding(guardOffsetFetch),
		kmsg.FindCoordinator:      guarding(guardFindCoordinator),
		kmsg.JoinGroup:            guarding(guardJoinGroup),
		kmsg.Heartbeat:            guarding(guardHeartbeat),
		kmsg.LeaveGroup:           guarding(guardLeaveGroup),
		kmsg.SyncGroup:            guarding(guardSyncGroup),
		kmsg.DescribeGroups:       guarding(guardDescribeGroups),
		kmsg.ListGroups:           guarding(guardListGroups),
		kmsg.SASLHandshake:        open,
		kmsg.ApiVersions:          open,
		kmsg.CreateTopics:         guarding(guardCreateTopics),
		kmsg.DeleteTopics:         guarding(guardDeleteTopics),
		kmsg.DeleteRecords:        guarding(guardDeleteRecords),
		kmsg.InitProducerID:       guarding(guardInitProducerID),
		kmsg.OffsetForLeaderEpoch: guarding(guardOffsetForLeaderEpoch),
		kmsg.AddPartitionsToTxn:   guarding(guardAddPartitionsToTxn),
		kmsg.AddOffsetsToTxn:      guarding(guardAddOffsetsToTxn),
		kmsg.EndTxn:               guarding(guardEndTxn),
		kmsg.WriteTxnMarkers:      guarding(guardWriteTxnMarkers),
		kmsg.TxnOffsetCommit:      guarding(guardTxnOffsetCommit),

		kmsg.CreateDelegationToken:   open, // tokens are their owners'; who else may see and make them, the handlers say
		kmsg.RenewDelegationToken:    open,
		kmsg.ExpireDelegationToken:   open,
		kmsg.DescribeDelegationToken: open,

		kmsg.DescribeACLs: open, // they look themselves, as without an authorizer they answer something else
		kmsg.CreateACLs:   open,
		kmsg.DeleteACLs:   open,

		kmsg.DescribeConfigs:              guarding(guardDescribeConfigs),
		kmsg.AlterConfigs:                 guarding(guardAlterConfigs),
		kmsg.AlterReplicaLogDirs:          guarding(guardAlterReplicaLogDirs),
		kmsg.DescribeLogDirs:              guarding(guardDescribeLogDirs),
		kmsg.SASLAuthenticate:             open,
		kmsg.CreatePartitions:             guarding(guardCreatePartitions),
		kmsg.DeleteGroups:                 guarding(guardDeleteGroups),
		kmsg.ElectLeaders:                 guarding(guardElectLeaders),
		kmsg.IncrementalAlterConfigs:      guarding(guardIncrementalAlterConfigs),
		kmsg.AlterPartitionAssignments:    guarding(guardAlterPartitionAssignments),
		kmsg.ListPartitionReassignments:   guarding(guardListPartitionReassignments),
		kmsg.OffsetDelete:                 guarding(guardOffsetDelete),
		kmsg.DescribeClientQuotas:         guarding(guardDescribeClientQuotas),
		kmsg.AlterClientQuotas:            guarding(guardAlterClientQuotas),
		kmsg.DescribeUserSCRAMCredentials: open, // as with ACLs
		kmsg.AlterUserSCRAMCredentials:    open,
		kmsg.DescribeQuorum:               guarding(guardDescribeQuorum),
		kmsg.UpdateFeatures:               guarding(guardUpdateFeatures),
		kmsg.DescribeCluster:              guarding(guardDescribeCluster),
		kmsg.DescribeProducers:            guarding(guardDescribeProducers),
		kmsg.DescribeTransactions:         guarding(guardDescribeTransactions),
		kmsg.ListTransactions:             guarding(guardListTransactions),
		kmsg.ConsumerGroupHeartbeat:       guarding(guardConsumerGroupHeartbeat),
		kmsg.ConsumerGroupDescribe:        guarding(guardConsumerGroupDescribe),
		kmsg.GetTelemetrySubscriptions:    open,
		kmsg.PushTelemetry:                open,
		kmsg.ListConfigResources:          guarding(guardListConfigResources),
		kmsg.DescribeTopicPartitions:      guarding(guardDescribeTopicPartitions),
	}
}

// guardRoutes puts the guards before the routes. An API without a guard is a
// bug: it would be open to everybody.
func (s *Security) guardRoutes(routes []server.Route) []server.Route {
	if s == nil || s.authorizer == nil {
		return routes
	}
	all := guards()
	for i, r := range routes {
		g, ok := all[kmsg.Key(r.Key())]
		if !ok {
			panic("no guard for API " + r.Name())
		}
		routes[i] = r.Guarded(func(c *server.Conn, req kmsg.Request, next func(kmsg.Request, func(kmsg.Response, error)), reply func(kmsg.Response, error)) {
			answer, edit := g(s.access(s.metadata.Image(), c), req)
			switch {
			case answer != nil:
				reply(answer, nil)
			case edit == nil:
				next(req, reply)
			default:
				next(req, func(resp kmsg.Response, err error) {
					if err == nil {
						edit(resp)
					}
					reply(resp, err)
				})
			}
		})
	}
	return routes
}

// divide splits what a request names into what the client may and what it may
// not. The first is never nil, for nil often means all.
func divide[T any](all []T, may func(*T) bool) (kept, refused []T) {
	kept = make([]T, 0, len(all))
	for i := range all {
		if may(&all[i]) {
			kept = append(kept, all[i])
		} else {
			refused = append(refused, all[i])
		}
	}
	return kept, refused
}

// topicNamed is the name of a topic that a request names by its id, where it
// has one. A topic that does not exist may be anybody's: its handler says so.
func (a *access) topicNamed(name string, id [16]byte) (string, bool) {
	if id == ([16]byte{}) {
		return name, true
	}
	t, ok := a.img.TopicByID(metadata.TopicID(id))
	if !ok {
		return "", false
	}
	return t.Name, true
}

// topicWithID tells whether the client may do op to a topic by its name or id.
func (a *access) topicWithID(op kmsg.ACLOperation, name string, id [16]byte) bool {
	name, known := a.topicNamed(name, id)
	return !known || a.topic(op, name)
}

// optional is the operations field of an answer.
func (a *access) optional(asked bool, typ kmsg.ACLResourceType, name string) int32 {
	if !asked {
		return notAsked
	}
	return a.operations(typ, name)
}

// clusterOperations is that field for the cluster, which only those see who may describe it.
func (a *access) clusterOperations(asked bool) int32 {
	if asked && !a.cluster(kmsg.ACLOperationDescribe) {
		return 0
	}
	return a.optional(asked, kmsg.ACLResourceTypeCluster, metadata.ClusterName)
}
