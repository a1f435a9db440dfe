package handler

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/internal/recordbatch"
)

// need is a permission.
type need struct {
	op   kmsg.ACLOperation
	typ  kmsg.ACLResourceType
	name string
}

// row is a row of Kafka's table: what an API needs, and the code that it
// refuses with. with are further permissions that the request needs.
type row struct {
	name    string
	need    need
	request kmsg.Request
	refused int16
	with    []need
}

var testTopicID = metadata.TopicID{7}

func topicNeed(op kmsg.ACLOperation) need { return need{op, kmsg.ACLResourceTypeTopic, "topic-1"} }
func groupNeed(op kmsg.ACLOperation) need { return need{op, kmsg.ACLResourceTypeGroup, "group-1"} }
func txnNeed(op kmsg.ACLOperation) need {
	return need{op, kmsg.ACLResourceTypeTransactionalId, "txn-1"}
}

func clusterNeed(op kmsg.ACLOperation) need {
	return need{op, kmsg.ACLResourceTypeCluster, metadata.ClusterName}
}

// asking makes a request of the newest version, or of the one given.
func asking[Q kmsg.Request](q Q, fill func(Q), version ...int16) Q {
	q.SetVersion(q.MaxVersion())
	if len(version) > 0 {
		q.SetVersion(version[0])
	}
	fill(q)
	return q
}

func tableOfKafka(t *testing.T) []row {
	const (
		read, write, create, del = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete
		alter, describe, action  = kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationClusterAction
		seeConfigs, setConfigs   = kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs
	)
	name, txn, group := "topic-1", "txn-1", "group-1"
	records := func(transactional bool) []byte {
		o := recordbatch.Options{LeaderEpoch: -1}
		if transactional {
			o.ProducerID, o.Transactional = 1, true
		}
		b := recordbatch.NewBuilder(o)
		b.Append(1, nil, []byte("v"))
		out, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	produce := func(id bool, transactional bool) kmsg.Request {
		return asking(kmsg.NewPtrProduceRequest(), func(q *kmsg.ProduceRequest) {
			topic := kmsg.ProduceRequestTopic{Topic: name, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: records(transactional)}}}
			if id {
				topic = kmsg.ProduceRequestTopic{TopicID: testTopicID, Partitions: topic.Partitions}
			}
			q.Topics, q.TransactionID = []kmsg.ProduceRequestTopic{topic}, &txn
		})
	}
	commit := func(v int16) kmsg.Request {
		return asking(kmsg.NewPtrOffsetCommitRequest(), func(q *kmsg.OffsetCommitRequest) {
			q.Group, q.Topics = group, []kmsg.OffsetCommitRequestTopic{{Topic: name, Partitions: make([]kmsg.OffsetCommitRequestTopicPartition, 1)}}
			if v >= 10 {
				q.Topics[0].Topic, q.Topics[0].TopicID = "", testTopicID
			}
		}, v)
	}
	fetchOffsets := func(v int16) kmsg.Request {
		return asking(kmsg.NewPtrOffsetFetchRequest(), func(q *kmsg.OffsetFetchRequest) {
			q.Group, q.Topics = group, []kmsg.OffsetFetchRequestTopic{{Topic: name, Partitions: []int32{0}}}
			q.Groups = []kmsg.OffsetFetchRequestGroup{{Group: group, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: name, Partitions: []int32{0}}}}}
		}, v)
	}
	coordinator := func(kind int8, key string, v int16) kmsg.Request {
		return asking(kmsg.NewPtrFindCoordinatorRequest(), func(q *kmsg.FindCoordinatorRequest) {
			q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = kind, key, []string{key}
		}, v)
	}
	metadataOf := func(id, newTopic bool) kmsg.Request {
		return asking(kmsg.NewPtrMetadataRequest(), func(q *kmsg.MetadataRequest) {
			q.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
			switch {
			case id:
				q.Topics = []kmsg.MetadataRequestTopic{{TopicID: testTopicID}}
			case newTopic:
				fresh := "topic-1-new"
				q.Topics, q.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: &fresh}}, true
			}
		})
	}
	addPartitions := func(v int16) kmsg.Request {
		return asking(kmsg.NewPtrAddPartitionsToTxnRequest(), func(q *kmsg.AddPartitionsToTxnRequest) {
			q.TransactionalID, q.Topics = txn, []kmsg.AddPartitionsToTxnRequestTopic{{Topic: name, Partitions: []int32{0}}}
		}, v)
	}
	addOffsets := asking(kmsg.NewPtrAddOffsetsToTxnRequest(), func(q *kmsg.AddOffsetsToTxnRequest) { q.TransactionalID, q.Group = txn, group })
	txnCommit := func() kmsg.Request {
		return asking(kmsg.NewPtrTxnOffsetCommitRequest(), func(q *kmsg.TxnOffsetCommitRequest) {
			q.TransactionalID, q.Group = txn, group
			q.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: name, Partitions: make([]kmsg.TxnOffsetCommitRequestTopicPartition, 1)}}
		})
	}
	configs := func(typ kmsg.ConfigResourceType, name string) (see, set, change kmsg.Request) {
		return asking(kmsg.NewPtrDescribeConfigsRequest(), func(q *kmsg.DescribeConfigsRequest) {
				q.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: typ, ResourceName: name}}
			}), asking(kmsg.NewPtrAlterConfigsRequest(), func(q *kmsg.AlterConfigsRequest) {
				q.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: typ, ResourceName: name}}
			}), asking(kmsg.NewPtrIncrementalAlterConfigsRequest(), func(q *kmsg.IncrementalAlterConfigsRequest) {
				q.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: typ, ResourceName: name}}
			})
	}
	heartbeat848 := asking(kmsg.NewPtrConsumerGroupHeartbeatRequest(), func(q *kmsg.ConsumerGroupHeartbeatRequest) {
		q.Group, q.SubscribedTopicNames = group, []string{name}
	})
	offsetDelete := func() kmsg.Request {
		return asking(kmsg.NewPtrOffsetDeleteRequest(), func(q *kmsg.OffsetDeleteRequest) {
			q.Group, q.Topics = group, []kmsg.OffsetDeleteRequestTopic{{Topic: name, Partitions: make([]kmsg.OffsetDeleteRequestTopicPartition, 1)}}
		})
	}
	rows := []row{
		{"produce", topicNeed(write), produce(false, false), topicRefused, nil},
		{"produce by id", topicNeed(write), produce(true, false), topicRefused, nil},
		{"produce in a transaction", txnNeed(write), produce(false, true), transactionRefused, []need{topicNeed(write)}},
		{"metadata", topicNeed(describe), metadataOf(false, false), topicRefused, nil},
		{"metadata by id", topicNeed(describe), metadataOf(true, false), topicRefused, nil},
		{"metadata creates", need{create, kmsg.ACLResourceTypeTopic, "topic-1-new"}, metadataOf(false, true), topicRefused, []need{{describe, kmsg.ACLResourceTypeTopic, "topic-1-new"}}},
		{"metadata creates by cluster", clusterNeed(create), metadataOf(false, true), topicRefused, []need{{describe, kmsg.ACLResourceTypeTopic, "topic-1-new"}}},
		{"commit, group", groupNeed(read), commit(9), groupRefused, []need{topicNeed(read)}},
		{"commit, topic", topicNeed(read), commit(9), topicRefused, []need{groupNeed(read)}},
		{"commit, id", topicNeed(read), commit(10), topicRefused, []need{groupNeed(read)}},
		{"fetch offsets, group", groupNeed(describe), fetchOffsets(9), groupRefused, []need{topicNeed(describe)}},
		{"fetch offsets, topic", topicNeed(describe), fetchOffsets(9), topicRefused, []need{groupNeed(describe)}},
		{"old fetch offsets, group", groupNeed(describe), fetchOffsets(5), groupRefused, []need{topicNeed(describe)}},
		{"oldest fetch offsets, group", groupNeed(describe), fetchOffsets(1), groupRefused, []need{topicNeed(describe)}},
		{"old fetch offsets, topic", topicNeed(describe), fetchOffsets(5), topicRefused, []need{groupNeed(describe)}},
		{"find group", groupNeed(describe), coordinator(0, group, 6), groupRefused, nil},
		{"find group, old", groupNeed(describe), coordinator(0, group, 0), groupRefused, nil},
		{"find transaction", txnNeed(describe), coordinator(1, txn, 6), transactionRefused, nil},
		{"find transaction, old", txnNeed(describe), coordinator(1, txn, 3), transactionRefused, nil},
		{"find share", clusterNeed(action), coordinator(2, "x:y:0", 6), clusterRefused, nil},
		{"join", groupNeed(read), asking(kmsg.NewPtrJoinGroupRequest(), func(q *kmsg.JoinGroupRequest) { q.Group = group }), groupRefused, nil},
		{"heartbeat", groupNeed(read), asking(kmsg.NewPtrHeartbeatRequest(), func(q *kmsg.HeartbeatRequest) { q.Group = group }), groupRefused, nil},
		{"leave", groupNeed(read), asking(kmsg.NewPtrLeaveGroupRequest(), func(q *kmsg.LeaveGroupRequest) { q.Group = group }), groupRefused, nil},
		{"sync", groupNeed(read), asking(kmsg.NewPtrSyncGroupRequest(), func(q *kmsg.SyncGroupRequest) { q.Group = group }), groupRefused, nil},
		{"init producer id, transactional", txnNeed(write), asking(kmsg.NewPtrInitProducerIDRequest(), func(q *kmsg.InitProducerIDRequest) { q.TransactionalID = &txn }), transactionRefused, nil},
		{"init producer id", clusterNeed(kmsg.ACLOperationIdempotentWrite), asking(kmsg.NewPtrInitProducerIDRequest(), func(*kmsg.InitProducerIDRequest) {}), clusterRefused, nil},
		{"init producer id by topic", topicNeed(write), asking(kmsg.NewPtrInitProducerIDRequest(), func(*kmsg.InitProducerIDRequest) {}), clusterRefused, nil},
		{"add partitions, id", txnNeed(write), addPartitions(3), transactionRefused, []need{topicNeed(write)}},
		{"add partitions, topic", topicNeed(write), addPartitions(3), topicRefused, []need{txnNeed(write)}},
		{"add partitions, broker", clusterNeed(action), addPartitions(5), clusterRefused, nil},
		{"add offsets, id", txnNeed(write), addOffsets, transactionRefused, []need{groupNeed(read)}},
		{"add offsets, group", groupNeed(read), addOffsets, groupRefused, []need{txnNeed(write)}},
		{"end txn", txnNeed(write), asking(kmsg.NewPtrEndTxnRequest(), func(q *kmsg.EndTxnRequest) { q.TransactionalID = txn }), transactionRefused, nil},
		{"txn commit, id", txnNeed(write), txnCommit(), transactionRefused, []need{groupNeed(read), topicNeed(read)}},
		{"txn commit, group", groupNeed(read), txnCommit(), groupRefused, []need{txnNeed(write), topicNeed(read)}},
		{"txn commit, topic", topicNeed(read), txnCommit(), topicRefused, []need{txnNeed(write), groupNeed(read)}},
		{"heartbeat 848, group", groupNeed(read), heartbeat848, groupRefused, []need{topicNeed(describe)}},
		{"heartbeat 848, topic", topicNeed(describe), heartbeat848, topicRefused, []need{groupNeed(read)}},
		{"offset delete, group", groupNeed(del), offsetDelete(), groupRefused, []need{topicNeed(read)}},
		{"offset delete, topic", topicNeed(read), offsetDelete(), topicRefused, []need{groupNeed(del)}},
		{"describe log dirs", clusterNeed(describe), asking(kmsg.NewPtrDescribeLogDirsRequest(), func(*kmsg.DescribeLogDirsRequest) {}), clusterRefused, nil},
		{"alter log dirs", clusterNeed(alter), asking(kmsg.NewPtrAlterReplicaLogDirsRequest(), func(q *kmsg.AlterReplicaLogDirsRequest) {
			q.Dirs = []kmsg.AlterReplicaLogDirsRequestDir{{Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: name, Partitions: []int32{0}}}}}
		}), clusterRefused, nil},
		{"elect", clusterNeed(alter), asking(kmsg.NewPtrElectLeadersRequest(), func(*kmsg.ElectLeadersRequest) {}), clusterRefused, nil},
		{"reassign", clusterNeed(alter), asking(kmsg.NewPtrAlterPartitionAssignmentsRequest(), func(*kmsg.AlterPartitionAssignmentsRequest) {}), clusterRefused, nil},
		{"list reassignments", clusterNeed(describe), asking(kmsg.NewPtrListPartitionReassignmentsRequest(), func(*kmsg.ListPartitionReassignmentsRequest) {}), clusterRefused, nil},
		{"see quotas", clusterNeed(seeConfigs), asking(kmsg.NewPtrDescribeClientQuotasRequest(), func(*kmsg.DescribeClientQuotasRequest) {}), clusterRefused, nil},
		{"set quotas", clusterNeed(setConfigs), asking(kmsg.NewPtrAlterClientQuotasRequest(), func(q *kmsg.AlterClientQuotasRequest) {
			q.Entries = make([]kmsg.AlterClientQuotasRequestEntry, 1)
		}), clusterRefused, nil},
		{"quorum", clusterNeed(describe), asking(kmsg.NewPtrDescribeQuorumRequest(), func(*kmsg.DescribeQuorumRequest) {}), clusterRefused, nil},
		{"features", clusterNeed(alter), asking(kmsg.NewPtrUpdateFeaturesRequest(), func(*kmsg.UpdateFeaturesRequest) {}), clusterRefused, nil},
		{"list configs", clusterNeed(seeConfigs), asking(kmsg.NewPtrListConfigResourcesRequest(), func(*kmsg.ListConfigResourcesRequest) {}), clusterRefused, nil},
	}
	for _, op := range []kmsg.ACLOperation{alter, action} {
		rows = append(rows, row{"markers by " + op.String(), clusterNeed(op), asking(kmsg.NewPtrWriteTxnMarkersRequest(), func(q *kmsg.WriteTxnMarkersRequest) {
			q.Markers = []kmsg.WriteTxnMarkersRequestMarker{{Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: name, Partitions: []int32{0}}}}}
		}), clusterRefused, nil})
	}
	listed := func(n need, refused int16, fresh func() kmsg.Request) {
		rows = append(rows, row{fmt.Sprintf("%s by %v", kmsg.NameForKey(fresh().Key()), n), n, fresh(), refused, nil})
	}
	for _, n := range []need{topicNeed(create), clusterNeed(create)} {
		listed(n, topicRefused, func() kmsg.Request {
			return asking(kmsg.NewPtrCreateTopicsRequest(), func(q *kmsg.CreateTopicsRequest) { q.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name}} })
		})
	}
	for _, n := range []need{topicNeed(del), clusterNeed(del)} {
		listed(n, topicRefused, func() kmsg.Request {
			return asking(kmsg.NewPtrDeleteTopicsRequest(), func(q *kmsg.DeleteTopicsRequest) { q.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: testTopicID}} })
		})
		listed(n, topicRefused, func() kmsg.Request {
			return asking(kmsg.NewPtrDeleteTopicsRequest(), func(q *kmsg.DeleteTopicsRequest) { q.TopicNames = []string{name} }, 5)
		})
	}
	for _, n := range []need{topicNeed(describe), clusterNeed(action)} {
		listed(n, topicRefused, func() kmsg.Request {
			return asking(kmsg.NewPtrOffsetForLeaderEpochRequest(), func(q *kmsg.OffsetForLeaderEpochRequest) {
				q.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: name, Partitions: make([]kmsg.OffsetForLeaderEpochRequestTopicPartition, 1)}}
			})
		})
	}
	listed(topicNeed(describe), topicRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrListOffsetsRequest(), func(q *kmsg.ListOffsetsRequest) {
			q.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: name, Partitions: make([]kmsg.ListOffsetsRequestTopicPartition, 1)}}
		})
	})
	listed(topicNeed(describe), topicRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDescribeTopicPartitionsRequest(), func(q *kmsg.DescribeTopicPartitionsRequest) {
			q.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: name}}
		})
	})
	listed(topicNeed(del), topicRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDeleteRecordsRequest(), func(q *kmsg.DeleteRecordsRequest) {
			q.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: name, Partitions: make([]kmsg.DeleteRecordsRequestTopicPartition, 1)}}
		})
	})
	listed(topicNeed(alter), topicRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrCreatePartitionsRequest(), func(q *kmsg.CreatePartitionsRequest) { q.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: name}} })
	})
	listed(topicNeed(read), topicRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDescribeProducersRequest(), func(q *kmsg.DescribeProducersRequest) {
			q.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: name, Partitions: []int32{0}}}
		})
	})
	listed(groupNeed(describe), groupRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDescribeGroupsRequest(), func(q *kmsg.DescribeGroupsRequest) { q.Groups = []string{group} })
	})
	listed(groupNeed(describe), groupRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrConsumerGroupDescribeRequest(), func(q *kmsg.ConsumerGroupDescribeRequest) { q.Groups = []string{group} })
	})
	listed(groupNeed(del), groupRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDeleteGroupsRequest(), func(q *kmsg.DeleteGroupsRequest) { q.Groups = []string{group} })
	})
	listed(txnNeed(describe), transactionRefused, func() kmsg.Request {
		return asking(kmsg.NewPtrDescribeTransactionsRequest(), func(q *kmsg.DescribeTransactionsRequest) { q.TransactionalIDs = []string{txn} })
	})
	for _, c := range []struct {
		typ     kmsg.ConfigResourceType
		name    string
		need    func(kmsg.ACLOperation) need
		refused int16
	}{
		{kmsg.ConfigResourceTypeTopic, name, topicNeed, topicRefused},
		{kmsg.ConfigResourceTypeGroupConfig, group, groupNeed, groupRefused},
		{kmsg.ConfigResourceTypeBroker, "1", clusterNeed, clusterRefused},
		{kmsg.ConfigResourceTypeBrokerLogger, "1", clusterNeed, clusterRefused},
		{kmsg.ConfigResourceTypeClientMetrics, "m", clusterNeed, clusterRefused},
	} {
		see, set, change := configs(c.typ, c.name)
		rows = append(rows, row{fmt.Sprint("see configs ", c.typ), c.need(seeConfigs), see, c.refused, nil},
			row{fmt.Sprint("set configs ", c.typ), c.need(setConfigs), set, c.refused, nil},
			row{fmt.Sprint("change configs ", c.typ), c.need(setConfigs), change, c.refused, nil})
	}
	return rows
}

// The matrix: every API with what it needs x what the ACLs say.
func TestAuthorizationMatrix(t *testing.T) {
	const me, here = "User:me", "10.0.0.1"
	allow := func(n need) metadata.ACL {
		return metadata.ACL{
			Resource: n.typ, Name: n.name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Principal: me, Host: "*",
			Operation: n.op, Permission: kmsg.ACLPermissionTypeAllow,
		}
	}
	with := func(n need, change func(*metadata.ACL)) []metadata.ACL {
		a := allow(n)
		change(&a)
		return []metadata.ACL{a}
	}
	cases := 0
	for i := range tableOfKafka(t) {
		scenarios := map[string]struct {
			acls func(n need) []metadata.ACL
			who  string
			want bool
		}{
			"none":    {func(need) []metadata.ACL { return nil }, me, false},
			"literal": {func(n need) []metadata.ACL { return []metadata.ACL{allow(n)} }, me, true},
			"prefix": {func(n need) []metadata.ACL {
				return with(n, func(a *metadata.ACL) { a.Pattern, a.Name = kmsg.ACLResourcePatternTypePrefixed, n.name[:3] })
			}, me, true},
			"star":      {func(n need) []metadata.ACL { return with(n, func(a *metadata.ACL) { a.Name = "*" }) }, me, true},
			"everybody": {func(n need) []metadata.ACL { return with(n, func(a *metadata.ACL) { a.Principal = "User:*" }) }, me, true},
			"all": {func(n need) []metadata.ACL {
				return with(n, func(a *metadata.ACL) { a.Operation = kmsg.ACLOperationAll })
			}, me, true},
			"deny over star": {func(n need) []metadata.ACL {
				return append(with(n, func(a *metadata.ACL) { a.Name = "*" }), with(n, func(a *metadata.ACL) { a.Permission = kmsg.ACLPermissionTypeDeny })...)
			}, me, false},
			"deny by prefix": {func(n need) []metadata.ACL {
				return append([]metadata.ACL{allow(n)}, with(n, func(a *metadata.ACL) {
					a.Permission, a.Pattern, a.Name = kmsg.ACLPermissionTypeDeny, kmsg.ACLResourcePatternTypePrefixed, n.name[:2]
				})...)
			}, me, false},
			"super user": {func(need) []metadata.ACL { return nil }, "User:root", true},
			"wrong host": {func(n need) []metadata.ACL { return with(n, func(a *metadata.ACL) { a.Host = "10.0.0.2" }) }, me, false},
			"wrong operation": {func(n need) []metadata.ACL {
				return with(n, func(a *metadata.ACL) { a.Operation = kmsg.ACLOperationCreateTokens })
			}, me, false},
			"somebody else": {func(n need) []metadata.ACL { return with(n, func(a *metadata.ACL) { a.Principal = "User:you" }) }, me, false},
		}
		for scenario, s := range scenarios {
			r := tableOfKafka(t)[i] // guards change requests
			if r.name == "init producer id by topic" && scenario == "deny over star" {
				s.want = true // all topics but one are enough to write to any
			}
			recs := []metadata.Record{
				&metadata.TopicRecord{Name: "topic-1", ID: testTopicID},
				&metadata.PartitionRecord{Topic: testTopicID, Replicas: []int32{1}},
			}
			for _, a := range s.acls(r.need) {
				recs = append(recs, &metadata.ACLRecord{ACL: a})
			}
			for _, n := range r.with {
				recs = append(recs, &metadata.ACLRecord{ACL: allow(n)})
			}
			d, err := metadata.Apply(metadata.Empty(), 0, recs...)
			if err != nil {
				t.Fatal(err)
			}
			rules := security.NewAuthorizer(security.AuthorizerConfig{SuperUsers: []string{"User:root"}}).At(d.Next)
			a := &access{rules: rules, img: d.Next, principal: s.who, host: here, autoCreates: true}
			answer, edit := guards()[kmsg.Key(r.request.Key())](a, r.request)
			if answer == nil {
				answer = emptyAnswer(r.request)
				if edit != nil {
					edit(answer)
				}
			}
			if got := !hasCode(reflect.ValueOf(answer), r.refused); got != s.want {
				t.Errorf("%s, %s: allowed is %v", r.name, scenario, got)
			}
			if edit == nil && !s.want && !hasCode(reflect.ValueOf(answer), r.refused) {
				t.Errorf("%s, %s: the handler sees the request", r.name, scenario)
			}
			answer.SetVersion(r.request.GetVersion())
			answer.AppendTo(nil) // whole enough to be encoded
			cases++
		}
	}
	t.Logf("%d cases", cases)
}

// emptyAnswer is what a handler says when it has nothing to say.
func emptyAnswer(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	if fetched, ok := resp.(*kmsg.OffsetFetchResponse); ok && req.GetVersion() >= 8 {
		fetched.Groups = make([]kmsg.OffsetFetchResponseGroup, len(req.(*kmsg.OffsetFetchRequest).Groups))
	}
	return resp
}

// hasCode looks for an error code anywhere in an answer.
func hasCode(v reflect.Value, code int16) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && hasCode(v.Elem(), code)
	case reflect.Slice:
		for i := range v.Len() {
			if hasCode(v.Index(i), code) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if v.Type().Field(i).Name == "ErrorCode" && f.Int() == int64(code) || f.CanInterface() && hasCode(f, code) {
				return true
			}
		}
	}
	return false
}

// Fetch and the lists that leave out what the client may not see.
func TestAuthorizationOfListings(t *testing.T) {
	d, err := metadata.Apply(metadata.Empty(), 0,
		&metadata.TopicRecord{Name: "mine", ID: metadata.TopicID{1}}, &metadata.TopicRecord{Name: "theirs", ID: metadata.TopicID{2}},
		&metadata.ACLRecord{ACL: metadata.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "mine", Pattern: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:me", Host: "*",
			Operation: kmsg.ACLOperationRead, Permission: kmsg.ACLPermissionTypeAllow,
		}},
		&metadata.ACLRecord{ACL: metadata.ACL{
			Resource: kmsg.ACLResourceTypeGroup, Name: "mine", Pattern: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:me", Host: "*",
			Operation: kmsg.ACLOperationDescribe, Permission: kmsg.ACLPermissionTypeAllow,
		}})
	if err != nil {
		t.Fatal(err)
	}
	a := &access{rules: security.NewAuthorizer(security.AuthorizerConfig{}).At(d.Next), img: d.Next, principal: "User:me", host: "h"}
	if !a.mayFetch("mine", false) || a.mayFetch("theirs", false) || a.mayFetch("mine", true) {
		t.Error("fetch")
	}
	mine, theirs := "mine", "theirs"
	_, edit := guards()[kmsg.Metadata](a, asking(kmsg.NewPtrMetadataRequest(), func(q *kmsg.MetadataRequest) { q.IncludeTopicAuthorizedOperations = true }))
	all := kmsg.NewPtrMetadataResponse()
	all.Topics = []kmsg.MetadataResponseTopic{{Topic: &theirs}, {Topic: &mine}}
	edit(all)
	if len(all.Topics) != 1 || *all.Topics[0].Topic != "mine" || all.Topics[0].AuthorizedOperations != 1<<3|1<<8 {
		t.Errorf("metadata: %+v", all.Topics)
	}
	_, edit = guards()[kmsg.ListGroups](a, kmsg.NewPtrListGroupsRequest())
	groups := kmsg.NewPtrListGroupsResponse()
	groups.Groups = []kmsg.ListGroupsResponseGroup{{Group: "mine"}, {Group: "theirs"}}
	edit(groups)
	if len(groups.Groups) != 1 || groups.Groups[0].Group != "mine" {
		t.Errorf("groups: %+v", groups.Groups)
	}
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	if answer, _ := guards()[kmsg.DescribeTopicPartitions](a, req); answer != nil || len(req.Topics) != 1 || req.Topics[0].Topic != "mine" {
		t.Errorf("topic partitions: %+v", req.Topics)
	}
}

// No API is served without a guard.
func TestEveryRouteHasAGuard(t *testing.T) {
	all := guards()
	for _, r := range Routes(Deps{Groups: &Groups{}, Txns: &Txns{ids: &producerIDs{}}, Security: &Security{}}) {
		if all[kmsg.Key(r.Key())] == nil {
			t.Errorf("%s has no guard", r.Name())
		}
	}
}
