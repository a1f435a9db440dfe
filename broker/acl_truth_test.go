package broker

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/internal/recordbatch"
)

// The decisions of Apache Kafka's StandardAuthorizer, as testdata/acl/README.md says that they were recorded.
const (
	aclTruth      = "testdata/acl/kafka-4.3.1.txt"
	aclTruthAddr  = "CHORTAL_ACL_RECORD" // the address of a Kafka whose decisions are written to aclTruth
	aclTruthUsers = "CHORTAL_ACL_USERS"  // the file that gets the keys with which such a Kafka is started
)

const (
	truthTopic = "acl-topic"
	truthGone  = "acl-topic-gone" // does not exist, so that deleting it changes nothing
	truthGroup = "acl-group"
	truthTxn   = "acl-txn"
)

// scenario is one user with one permission on the resources of one type: what an ACL of an operation and a pattern is good
// for. Others is what the user may do to resources of other types: nothing, or everything.
type scenario struct {
	typ     kmsg.ACLResourceType
	op      kmsg.ACLOperation
	pattern string
	others  bool
}

func (s scenario) user() string {
	if s.pattern == "" {
		return "nobody"
	}
	text := fmt.Sprintf("%v-%v-%s", s.typ, s.op, s.pattern)
	if s.others {
		text += "-and-others"
	}
	return strings.ToLower(text)
}

// scenarios are all users.
func scenarios() []scenario {
	all := []scenario{{}}
	for _, typ := range []kmsg.ACLResourceType{
		kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId,
	} {
		patterns := []string{
			"literal", "prefixed", "any", "other-name", "other-host", "denied-literal", "denied-prefixed", "denied-any", "denied-all", "denied-other-name", "denied-other-host",
		}
		if typ == kmsg.ACLResourceTypeCluster { // there is one name
			patterns = []string{"literal", "prefixed", "other-host", "denied-literal", "denied-prefixed", "denied-all", "denied-other-host"}
		}
		for _, op := range truthOperations(typ) {
			all = append(all, scenario{typ, op, "literal", false})
			for _, p := range patterns {
				all = append(all, scenario{typ, op, p, true})
			}
		}
	}
	return all
}

func truthOperations(typ kmsg.ACLResourceType) []kmsg.ACLOperation {
	switch typ {
	case kmsg.ACLResourceTypeTopic:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete, kmsg.ACLOperationAlter,
			kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationAll,
		}
	case kmsg.ACLResourceTypeGroup:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationRead, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationAll,
		}
	case kmsg.ACLResourceTypeCluster:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationCreate, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationClusterAction,
			kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationIdempotentWrite, kmsg.ACLOperationAll,
		}
	}
	return []kmsg.ACLOperation{kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationAll}
}

func truthNames(typ kmsg.ACLResourceType) []string {
	switch typ {
	case kmsg.ACLResourceTypeTopic:
		return []string{truthTopic, truthGone}
	case kmsg.ACLResourceTypeGroup:
		return []string{truthGroup}
	case kmsg.ACLResourceTypeCluster:
		return []string{"kafka-cluster"}
	}
	return []string{truthTxn}
}

// acls are the ACLs of a scenario's user.
func (s scenario) acls() (all []kmsg.CreateACLsRequestCreation) {
	add := func(typ kmsg.ACLResourceType, name string, kind kmsg.ACLResourcePatternType, host string, op kmsg.ACLOperation, allow bool) {
		a := kmsg.NewCreateACLsRequestCreation()
		a.ResourceType, a.ResourceName, a.ResourcePatternType, a.Principal, a.Host, a.Operation = typ, name, kind, "User:"+s.user(), host, op
		if a.PermissionType = kmsg.ACLPermissionTypeDeny; allow {
			a.PermissionType = kmsg.ACLPermissionTypeAllow
		}
		all = append(all, a)
	}
	const literal, prefixed = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
	if s.pattern == "" {
		return nil
	}
	for _, typ := range []kmsg.ACLResourceType{
		kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeCluster, kmsg.ACLResourceTypeTransactionalId,
	} {
		if s.others && typ != s.typ {
			add(typ, truthNames(typ)[0], prefixed, "*", kmsg.ACLOperationAll, true)
		}
	}
	const elsewhere, here = "198.51.100.7", "127.0.0.1"
	for _, name := range truthNames(s.typ) {
		prefix := name
		if s.typ != kmsg.ACLResourceTypeCluster {
			prefix = name[:len(name)-2]
		}
		switch s.pattern {
		case "prefixed":
			add(s.typ, prefix, prefixed, "*", s.op, true)
			continue
		case "any":
			add(s.typ, "*", literal, here, s.op, true)
			continue
		case "other-name":
			add(s.typ, name+"-", prefixed, "*", s.op, true)
			add(s.typ, prefix, literal, "*", s.op, true)
			continue
		case "other-host":
			add(s.typ, name, literal, elsewhere, s.op, true)
			continue
		}
		add(s.typ, name, literal, "*", s.op, true)
		switch s.pattern {
		case "denied-literal":
			add(s.typ, name, literal, here, s.op, false)
		case "denied-prefixed":
			add(s.typ, prefix, prefixed, "*", s.op, false)
		case "denied-any":
			add(s.typ, "*", literal, "*", s.op, false)
		case "denied-all":
			add(s.typ, name, literal, "*", kmsg.ACLOperationAll, false)
		case "denied-other-name":
			add(s.typ, name+"-", prefixed, "*", s.op, false)
		case "denied-other-host":
			add(s.typ, name, literal, elsewhere, s.op, false)
		}
	}
	return all
}

// question is a request that every user sends.
type question struct {
	name string
	req  kmsg.Request
}

// questions are one request at least of each API that may be refused. None of them changes anything that another one asks
// about, whoever sends it. id is truthTopic's.
func questions(id [16]byte) (all []question) {
	topic, gone, group, txn := truthTopic, truthGone, truthGroup, truthTxn
	add := func(name string, version int16, req kmsg.Request) {
		req.SetVersion(version)
		all = append(all, question{name, req})
	}
	records := func(transactional bool) []byte {
		o := recordbatch.Options{LeaderEpoch: -1}
		if transactional {
			o.ProducerID, o.HasProducer, o.Transactional = 1, true, true
		}
		b := recordbatch.NewBuilder(o)
		b.Append(1, nil, []byte("v"))
		out, _ := b.Build()
		return out
	}
	produce := func(name string, id [16]byte, transactional bool) *kmsg.ProduceRequest {
		q := kmsg.NewPtrProduceRequest()
		q.Acks, q.TimeoutMillis = 1, 1000
		if transactional {
			q.TransactionID = &txn
		}
		q.Topics = []kmsg.ProduceRequestTopic{{Topic: name, TopicID: id, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 99, Records: records(transactional)}}}}
		return q
	}
	add("produce", 12, produce(topic, [16]byte{}, false))
	add("produce by id", 13, produce("", id, false))
	add("produce in a transaction", 11, produce(topic, [16]byte{}, true))
	fetch := func(replica int32) *kmsg.FetchRequest {
		q := kmsg.NewPtrFetchRequest()
		q.ReplicaID, q.ReplicaState.ID = replica, replica
		p := kmsg.NewFetchRequestTopicPartition()
		p.CurrentLeaderEpoch, p.PartitionMaxBytes = -1, 100
		q.Topics = []kmsg.FetchRequestTopic{{Topic: topic, TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
		return q
	}
	add("fetch", 11, fetch(-1))
	add("fetch by id", 17, fetch(-1))
	add("fetch as a replica", 11, fetch(2))
	offsets := kmsg.NewPtrListOffsetsRequest()
	offsets.ReplicaID = -1
	offsets.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{{CurrentLeaderEpoch: -1, Timestamp: -1}}}}
	add("list offsets", 7, offsets)
	metadata := func(topics ...kmsg.MetadataRequestTopic) *kmsg.MetadataRequest {
		q := kmsg.NewPtrMetadataRequest()
		q.Topics, q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations = topics, true, true
		return q
	}
	add("metadata", 12, metadata(kmsg.MetadataRequestTopic{Topic: &topic}))
	add("metadata by id", 12, metadata(kmsg.MetadataRequestTopic{TopicID: id}))
	add("metadata of what is not there", 12, metadata(kmsg.MetadataRequestTopic{Topic: &gone}))
	add("metadata of all", 12, metadata())
	add("operations of the cluster", 10, metadata())
	commit := func(id [16]byte, name string) *kmsg.OffsetCommitRequest {
		q := kmsg.NewPtrOffsetCommitRequest()
		q.Group, q.Generation, q.MemberID = group, 77, "nobody"
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		q.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: name, TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
		return q
	}
	add("commit", 8, commit([16]byte{}, topic))
	add("commit by id", 10, commit(id, ""))
	fetchOffsets := func(topics bool) *kmsg.OffsetFetchRequest {
		q := kmsg.NewPtrOffsetFetchRequest()
		q.Group, q.Groups = group, []kmsg.OffsetFetchRequestGroup{{Group: group, MemberEpoch: -1}}
		if topics {
			q.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{0}}}
			q.Groups[0].Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, Partitions: []int32{0}}}
		}
		return q
	}
	add("fetch offsets", 9, fetchOffsets(true))
	add("fetch offsets, old", 5, fetchOffsets(true))
	add("fetch all offsets", 9, fetchOffsets(false))
	coordinator := func(kind int8, key string) *kmsg.FindCoordinatorRequest {
		q := kmsg.NewPtrFindCoordinatorRequest()
		q.CoordinatorType, q.CoordinatorKey, q.CoordinatorKeys = kind, key, []string{key}
		return q
	}
	add("find group", 6, coordinator(0, group))
	add("find group, old", 2, coordinator(0, group))
	add("find transaction", 6, coordinator(1, txn))
	add("find transaction, old", 2, coordinator(1, txn))
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis, join.ProtocolType = group, 10_000, 10_000, "consumer"
	join.MemberID, join.Protocols = "nobody", []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	add("join group", 9, join)
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Group, heartbeat.MemberID = group, "nobody"
	add("heartbeat", 4, heartbeat)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = group, []kmsg.LeaveGroupRequestMember{{MemberID: "nobody"}}
	add("leave group", 5, leave)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID = group, "nobody"
	add("sync group", 4, sync)
	describeGroups := kmsg.NewPtrDescribeGroupsRequest()
	describeGroups.Groups, describeGroups.IncludeAuthorizedOperations = []string{group}, true
	add("describe groups", 5, describeGroups)
	deleteGroups := kmsg.NewPtrDeleteGroupsRequest()
	deleteGroups.Groups = []string{"acl-group"}
	add("delete groups", 2, deleteGroups)
	offsetDelete := kmsg.NewPtrOffsetDeleteRequest()
	offsetDelete.Group, offsetDelete.Topics = group, []kmsg.OffsetDeleteRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}
	add("offset delete", 0, offsetDelete)
	consumer := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	consumer.Group, consumer.MemberID, consumer.MemberEpoch, consumer.SubscribedTopicNames = group, "bm9ib2R5bm9ib2R5bm9ib2", 5, []string{topic}
	consumer.RebalanceTimeoutMillis = 1000
	add("consumer group heartbeat", 1, consumer)
	consumerDescribe := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumerDescribe.Groups, consumerDescribe.IncludeAuthorizedOperations = []string{group}, true
	add("consumer group describe", 1, consumerDescribe)

	create := kmsg.NewPtrCreateTopicsRequest()
	create.ValidateOnly = true
	creation := kmsg.NewCreateTopicsRequestTopic()
	creation.Topic, creation.NumPartitions, creation.ReplicationFactor = gone, 1, 1
	create.Topics = []kmsg.CreateTopicsRequestTopic{creation}
	add("create topics", 7, create)
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.TopicNames, remove.TimeoutMillis = []string{gone}, 1000
	remove.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &gone}}
	add("delete topics", 6, remove)
	add("delete topics, old", 5, copyOf(remove))
	deleteRecords := kmsg.NewPtrDeleteRecordsRequest()
	deleteRecords.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 99}}}}
	deleteRecords.TimeoutMillis = 1000
	add("delete records", 2, deleteRecords)
	epochs := kmsg.NewPtrOffsetForLeaderEpochRequest()
	epochs.ReplicaID = -1
	epochs.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1}}}}
	add("offsets of leader epochs", 4, epochs)
	partitions := kmsg.NewPtrCreatePartitionsRequest()
	partitions.ValidateOnly, partitions.TimeoutMillis = true, 1000
	partitions.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: 5}}
	add("create partitions", 3, partitions)
	producers := kmsg.NewPtrDescribeProducersRequest()
	producers.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	add("describe producers", 0, producers)
	topicPartitions := kmsg.NewPtrDescribeTopicPartitionsRequest()
	topicPartitions.ResponsePartitionLimit, topicPartitions.Topics = 10, []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: topic}}
	add("describe topic partitions", 0, topicPartitions)

	initID := func(id *string) *kmsg.InitProducerIDRequest {
		q := kmsg.NewPtrInitProducerIDRequest()
		q.TransactionalID, q.TransactionTimeoutMillis, q.ProducerID, q.ProducerEpoch = id, 1000, 5, 5 // which nobody has: nothing happens
		if id == nil {
			q.ProducerID, q.ProducerEpoch = -1, -1
		}
		return q
	}
	add("init producer id", 4, initID(nil))
	add("init producer id, transactional", 4, initID(&txn))
	addPartitions := kmsg.NewPtrAddPartitionsToTxnRequest()
	addPartitions.TransactionalID, addPartitions.Topics = txn, []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	add("add partitions to a transaction", 3, addPartitions)
	verify := kmsg.NewPtrAddPartitionsToTxnRequest()
	verify.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{
		TransactionalID: txn, VerifyOnly: true, Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: topic, Partitions: []int32{0}}},
	}}
	add("verify a transaction, as a broker", 5, verify)
	addOffsets := kmsg.NewPtrAddOffsetsToTxnRequest()
	addOffsets.TransactionalID, addOffsets.Group = txn, group
	add("add offsets to a transaction", 4, addOffsets)
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID = txn
	add("end a transaction", 4, end)
	txnCommit := kmsg.NewPtrTxnOffsetCommitRequest()
	txnCommit.TransactionalID, txnCommit.Group, txnCommit.Generation, txnCommit.MemberID = txn, group, 77, "nobody"
	txnCommit.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{kmsg.NewTxnOffsetCommitRequestTopicPartition()}}}
	add("commit in a transaction", 4, txnCommit)
	markers := kmsg.NewPtrWriteTxnMarkersRequest()
	markers.Markers = []kmsg.WriteTxnMarkersRequestMarker{{ProducerID: 5, Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: topic, Partitions: []int32{99}}}}}
	add("write markers", 1, markers)
	describeTxns := kmsg.NewPtrDescribeTransactionsRequest()
	describeTxns.TransactionalIDs = []string{txn}
	add("describe transactions", 0, describeTxns)

	describeACLs := kmsg.NewPtrDescribeACLsRequest()
	describeACLs.ResourceType, describeACLs.ResourceName, describeACLs.ResourcePatternType = kmsg.ACLResourceTypeTopic, &gone, kmsg.ACLResourcePatternTypeLiteral
	describeACLs.Operation, describeACLs.PermissionType, describeACLs.Principal = kmsg.ACLOperationRead, kmsg.ACLPermissionTypeAllow, &gone
	add("describe acls", 3, describeACLs)
	createACLs := kmsg.NewPtrCreateACLsRequest()
	createACLs.Creations = []kmsg.CreateACLsRequestCreation{{ // which is refused to everybody
		ResourceType: kmsg.ACLResourceTypeCluster, ResourceName: "no-cluster", ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:x",
		Host: "*", Operation: kmsg.ACLOperationAlter, PermissionType: kmsg.ACLPermissionTypeAllow,
	}}
	add("create acls", 3, createACLs)
	deleteACLs := kmsg.NewPtrDeleteACLsRequest()
	filter := kmsg.NewDeleteACLsRequestFilter()
	filter.ResourceType, filter.ResourceName, filter.ResourcePatternType = kmsg.ACLResourceTypeTopic, &gone, kmsg.ACLResourcePatternTypeLiteral
	filter.Operation, filter.PermissionType, filter.Principal = kmsg.ACLOperationRead, kmsg.ACLPermissionTypeAllow, &gone
	deleteACLs.Filters = []kmsg.DeleteACLsRequestFilter{filter}
	add("delete acls", 3, deleteACLs)

	for _, r := range []struct {
		typ        kmsg.ConfigResourceType
		what, name string
		key        string
	}{
		{kmsg.ConfigResourceTypeTopic, "topic", topic, "retention.ms"},
		{kmsg.ConfigResourceTypeBroker, "broker", "1", "log.cleaner.threads"},
		{kmsg.ConfigResourceTypeGroupConfig, "group", group, "consumer.session.timeout.ms"},
		{kmsg.ConfigResourceTypeClientMetrics, "client metrics", "m", "interval.ms"},
	} {
		value := "50000"
		if r.typ == kmsg.ConfigResourceTypeBroker {
			value = "1"
		}
		see := kmsg.NewPtrDescribeConfigsRequest()
		see.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: r.typ, ResourceName: r.name, ConfigNames: []string{r.key}}}
		add("describe configs of "+r.what, 4, see)
		change := kmsg.NewPtrIncrementalAlterConfigsRequest()
		change.ValidateOnly = true
		change.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
			ResourceType: r.typ, ResourceName: r.name, Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: r.key, Value: &value}},
		}}
		add("alter configs of "+r.what, 1, change)
		old := kmsg.NewPtrAlterConfigsRequest()
		old.ValidateOnly = true
		old.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: r.typ, ResourceName: r.name, Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: r.key, Value: &value}}}}
		add("replace configs of "+r.what, 2, old)
	}
	add("list config resources", 1, kmsg.NewPtrListConfigResourcesRequest())
	dirs := kmsg.NewPtrAlterReplicaLogDirsRequest()
	dirs.Dirs = []kmsg.AlterReplicaLogDirsRequestDir{{Dir: "/nowhere", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: topic, Partitions: []int32{0}}}}}
	add("alter log dirs", 2, dirs)
	add("describe log dirs", 4, kmsg.NewPtrDescribeLogDirsRequest())
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.TimeoutMillis, elect.Topics = 5000, []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	add("elect leaders", 2, elect)
	assign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	assign.TimeoutMillis = 5000
	assign.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{}}}}
	add("reassign partitions", 1, assign)
	reassignments := kmsg.NewPtrListPartitionReassignmentsRequest()
	reassignments.TimeoutMillis = 5000
	add("list reassignments", 0, reassignments)
	quotas := kmsg.NewPtrDescribeClientQuotasRequest()
	quotas.Components = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: "user", MatchType: 2}}
	add("describe quotas", 1, quotas)
	setQuotas := kmsg.NewPtrAlterClientQuotasRequest()
	setQuotas.ValidateOnly = true
	setQuotas.Entries = []kmsg.AlterClientQuotasRequestEntry{{
		Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: &topic}}, Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 1}},
	}}
	add("alter quotas", 1, setQuotas)
	scram := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	scram.Users = []kmsg.DescribeUserSCRAMCredentialsRequestUser{{Name: "not-there"}} // who asks for all and may not gets no answer from Kafka 4.3.1
	add("describe scram credentials", 0, scram)
	scramDeletion := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	scramDeletion.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "not-there", Mechanism: 1}}
	add("alter scram credentials", 0, scramDeletion)
	quorum := kmsg.NewPtrDescribeQuorumRequest()
	quorum.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
	add("describe quorum", 2, quorum)
	features := kmsg.NewPtrUpdateFeaturesRequest()
	features.ValidateOnly, features.TimeoutMillis = true, 5000
	features.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "group.version", MaxVersionLevel: 1, UpgradeType: 1}}
	add("update features", 2, features)
	cluster := kmsg.NewPtrDescribeClusterRequest()
	cluster.IncludeClusterAuthorizedOperations, cluster.EndpointType = true, 1
	add("describe cluster", 1, cluster)
	return all
}

func copyOf(q *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsRequest { c := *q; return &c }

// decision is what an answer says about permissions: the codes that refuse, the operations that it lists, and whether a
// list has the topic.
func decision(resp kmsg.Response) string {
	var words []string
	add := func(format string, args ...any) {
		if w := fmt.Sprintf(format, args...); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				look(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				switch f, name := v.Field(i), v.Type().Field(i).Name; {
				case name == "ErrorCode" && slices.Contains([]int64{29, 30, 31, 53, 65}, f.Int()):
					add("%d", f.Int())
				case strings.HasSuffix(name, "AuthorizedOperations") && f.Int() != -1<<31:
					add("ops=%x", f.Int())
				case f.CanInterface():
					look(f)
				}
			}
		}
	}
	look(reflect.ValueOf(resp))
	if m, ok := resp.(*kmsg.MetadataResponse); ok {
		for i := range m.Topics {
			if t := m.Topics[i].Topic; t != nil && *t == truthTopic && m.Topics[i].ErrorCode == 0 {
				add("seen")
			}
		}
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ",")
}

// truthUsers are the keys with which the users can log in.
func truthUsers() map[string]string {
	var jaas strings.Builder
	jaas.WriteString(`org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="secret"`)
	for _, s := range scenarios() {
		fmt.Fprintf(&jaas, ` user_%s="secret"`, s.user())
	}
	jaas.WriteString(";")
	return map[string]string{
		"sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl_plaintext.plain.sasl.jaas.config": jaas.String(),
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:admin;User:ANONYMOUS",
		"auto.create.topics.enable": "false",
	}
}

// as is a connection of one user.
func as(t *testing.T, addr, user string) rawClient {
	conn, err := net.Dial("tcp", addr)
	ok(t, err)
	c := rawClient{t: t, conn: conn}
	hello := kmsg.NewPtrSASLHandshakeRequest()
	hello.Version, hello.Mechanism = 1, "PLAIN"
	c.ask(hello)
	login := kmsg.NewPtrSASLAuthenticateRequest()
	login.Version, login.SASLAuthBytes = 1, []byte("\x00"+user+"\x00secret")
	if resp := c.ask(login).(*kmsg.SASLAuthenticateResponse); resp.ErrorCode != 0 {
		t.Fatalf("login of %s: %d", user, resp.ErrorCode)
	}
	return c
}

// prepare makes the topic and the ACLs, and returns the topic's id.
func prepare(t *testing.T, addr string) (id [16]byte) {
	admin := as(t, addr, "admin")
	defer admin.conn.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = truthTopic, 1, 1
	create.Topics = []kmsg.CreateTopicsRequestTopic{topic}
	if id = admin.ask(create).(*kmsg.CreateTopicsResponse).Topics[0].TopicID; id == [16]byte{} {
		t.Fatal("the topic was not created: a new cluster is needed")
	}
	all := kmsg.NewPtrCreateACLsRequest()
	all.Version = 3
	for _, s := range scenarios() {
		all.Creations = append(all.Creations, s.acls()...)
	}
	for _, r := range admin.ask(all).(*kmsg.CreateACLsResponse).Results {
		if r.ErrorCode != 0 {
			t.Fatalf("create ACL: %d %v", r.ErrorCode, r.ErrorMessage)
		}
	}
	return id
}

// decisions asks all questions as all users: for each user a line of what was decided, in the order of the questions.
func decisions(t *testing.T, addr string, each func(user string, decided []string)) {
	list := questions(prepare(t, addr))
	users := []string{"admin"}
	for _, s := range scenarios() {
		users = append(users, s.user())
	}
	for _, user := range users {
		c := as(t, addr, user)
		decided := make([]string, len(list))
		for i, q := range list {
			resp := c.ask(q.req)
			if resp == nil {
				t.Fatalf("%s, %s: the connection was closed", user, q.name)
			}
			decided[i] = decision(resp)
		}
		ok(t, c.conn.Close())
		each(user, decided)
	}
}

// TestACLTruth asks what Kafka was asked, and wants the same decisions.
func TestACLTruth(t *testing.T) {
	if file := os.Getenv(aclTruthUsers); file != "" {
		var b strings.Builder
		for k, v := range truthUsers() {
			fmt.Fprintf(&b, "%s=%s\n", k, v)
		}
		ok(t, os.WriteFile(file, []byte(b.String()), 0o600))
		return
	}
	if addr := os.Getenv(aclTruthAddr); addr != "" {
		recordDecisions(t, addr)
		return
	}
	want := readDecisions(t)
	properties := truthUsers()
	_, addr := runSecured(t, "SASL_PLAINTEXT", properties, io.Discard)
	list := questions([16]byte{})
	cases, wrong := 0, 0
	decisions(t, addr, func(user string, decided []string) {
		for i, got := range decided {
			cases++
			if w := want[user][list[i].name]; got != w {
				if wrong++; wrong <= 40 {
					t.Errorf("%s, %s: %s, Kafka says %s", user, list[i].name, got, cmp.Or(w, "nothing"))
				}
			}
		}
		delete(want, user)
	})
	if len(want) != 0 {
		t.Errorf("%d users of Kafka are not asked", len(want))
	}
	t.Logf("%d decisions, %d differ", cases, wrong)
}

// The file: a line for each question with its number, then one for each user with the numbers of each decision.
func recordDecisions(t *testing.T, addr string) {
	ok(t, os.MkdirAll(filepath.Dir(aclTruth), 0o755))
	f, err := os.Create(aclTruth)
	ok(t, err)
	w := bufio.NewWriter(f)
	list := questions([16]byte{})
	for i, q := range list {
		fmt.Fprintf(w, "question %d %s version %d: %s\n", i, kmsg.NameForKey(q.req.Key()), q.req.GetVersion(), q.name)
	}
	decisions(t, addr, func(user string, decided []string) {
		fmt.Fprintf(w, "user %s\n", user)
		by := map[string][]string{}
		for i, d := range decided {
			by[d] = append(by[d], fmt.Sprint(i))
		}
		for _, d := range slices.Sorted(func(yield func(string) bool) {
			for d := range by {
				if !yield(d) {
					return
				}
			}
		}) {
			fmt.Fprintf(w, "  %s %s\n", d, strings.Join(by[d], " "))
		}
	})
	ok(t, w.Flush())
	ok(t, f.Close())
}

// readDecisions gives what was decided by user and question.
func readDecisions(t *testing.T) map[string]map[string]string {
	data, err := os.ReadFile(aclTruth)
	ok(t, err)
	names := map[string]string{}
	all := map[string]map[string]string{}
	var user string
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		switch {
		case words[0] == "question":
			_, names[words[1]], _ = strings.Cut(strings.TrimSpace(line), ": ")
		case words[0] == "user":
			user = words[1]
			all[user] = map[string]string{}
		default:
			for _, n := range words[1:] {
				all[user][names[n]] = words[0]
			}
		}
	}
	return all
}
