package handler

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/internal/recordbatch"
)

// guardProduce needs WRITE on each topic, and on the transactional id if a
// batch belongs to a transaction, whatever the request says of itself.
func guardProduce(a *access, req *kmsg.ProduceRequest) verdict[*kmsg.ProduceResponse] {
	refuse := func(t *kmsg.ProduceRequestTopic, code int16) kmsg.ProduceResponseTopic {
		out := kmsg.NewProduceResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		for i := range t.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.ErrorMessage, p.BaseOffset = t.Partitions[i].Partition, code, refusalText(code), -1
			out.Partitions = append(out.Partitions, p)
		}
		return out
	}
	if transactional(req) && (req.TransactionID == nil || !a.transaction(kmsg.ACLOperationWrite, *req.TransactionID)) {
		resp := kmsg.NewPtrProduceResponse()
		for i := range req.Topics {
			resp.Topics = append(resp.Topics, refuse(&req.Topics[i], transactionRefused))
		}
		return denied(resp)
	}
	kept, refused := divide(req.Topics, func(t *kmsg.ProduceRequestTopic) bool {
		return a.topicWithID(kmsg.ACLOperationWrite, t.Topic, t.TopicID)
	})
	if len(refused) == 0 {
		return passed[*kmsg.ProduceResponse]()
	}
	req.Topics = kept
	var answers []kmsg.ProduceResponseTopic // now: the request's memory is given back
	for i := range refused {
		answers = append(answers, refuse(&refused[i], topicRefused))
	}
	return edited(func(resp *kmsg.ProduceResponse) { resp.Topics = append(resp.Topics, answers...) })
}

// transactional tells whether a batch of the request belongs to a transaction.
func transactional(req *kmsg.ProduceRequest) bool {
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			if b := req.Topics[i].Partitions[j].Records; len(b) >= recordbatch.HeaderLen && recordbatch.Batch(b).IsTransactional() {
				return true
			}
		}
	}
	return false
}

// mayFetch needs READ on the topic, or CLUSTER_ACTION for those who say that
// they are replicas.
func (a *access) mayFetch(topic string, replica bool) bool {
	if replica {
		return a.cluster(kmsg.ACLOperationClusterAction)
	}
	return a.topic(kmsg.ACLOperationRead, topic)
}

func guardListOffsets(a *access, req *kmsg.ListOffsetsRequest) verdict[*kmsg.ListOffsetsResponse] {
	kept, refused := divide(req.Topics, func(t *kmsg.ListOffsetsRequestTopic) bool {
		return a.topic(kmsg.ACLOperationDescribe, t.Topic)
	})
	if len(refused) == 0 {
		return passed[*kmsg.ListOffsetsResponse]()
	}
	req.Topics = kept
	return edited(func(resp *kmsg.ListOffsetsResponse) {
		for _, t := range refused {
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				o := kmsg.NewListOffsetsResponseTopicPartition()
				o.Partition, o.ErrorCode, o.Timestamp, o.Offset, o.LeaderEpoch = p.Partition, topicRefused, -1, -1, -1
				out.Partitions = append(out.Partitions, o)
			}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

// guardMetadata leaves out of a list of all what the client may not describe,
// and refuses what it names. Nobody learns from it whether a topic exists.
func guardMetadata(a *access, req *kmsg.MetadataRequest) verdict[*kmsg.MetadataResponse] {
	all := req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
	var refused []kmsg.MetadataRequestTopic
	if !all {
		var kept []kmsg.MetadataRequestTopic
		kept, refused = divide(req.Topics, func(t *kmsg.MetadataRequestTopic) bool { return a.mayDescribe(req, t) })
		if req.Topics = kept; len(kept) == 0 && req.Version == 0 {
			req.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("")}} // none would mean all; taken out again below
		}
	}
	return edited(func(resp *kmsg.MetadataResponse) {
		kept := resp.Topics[:0]
		for _, t := range resp.Topics {
			switch {
			case all && t.Topic != nil && !a.topic(kmsg.ACLOperationDescribe, *t.Topic):
				continue
			case !all && req.Version == 0 && t.Topic != nil && *t.Topic == "":
				continue
			case (t.ErrorCode == 0 || t.ErrorCode == kerr.UnknownTopicOrPartition.Code) && t.Topic != nil:
				t.AuthorizedOperations = a.optional(req.IncludeTopicAuthorizedOperations, kmsg.ACLResourceTypeTopic, *t.Topic)
			}
			kept = append(kept, t)
		}
		for _, t := range refused {
			out := kmsg.NewMetadataResponseTopic()
			out.Topic, out.TopicID, out.ErrorCode = t.Topic, t.TopicID, topicRefused
			if out.Topic != nil {
				out.IsInternal = metadata.IsInternal(*out.Topic)
			} else if req.Version < 12 {
				out.Topic = kmsg.StringPtr("")
			}
			out.Partitions = []kmsg.MetadataResponseTopicPartition{}
			kept = append(kept, out)
		}
		resp.Topics = kept
		resp.AuthorizedOperations = a.clusterOperations(req.IncludeClusterAuthorizedOperations)
	})
}

// mayDescribe tells whether the client may hear of a topic, and have it made
// if it does not exist.
func (a *access) mayDescribe(req *kmsg.MetadataRequest, t *kmsg.MetadataRequestTopic) bool {
	if t.TopicID != ([16]byte{}) {
		return a.topicWithID(kmsg.ACLOperationDescribe, "", t.TopicID)
	}
	if t.Topic == nil {
		return true // an invalid request, as the handler will say
	}
	if !a.topic(kmsg.ACLOperationDescribe, *t.Topic) {
		return false
	}
	if _, exists := a.img.Topic(*t.Topic); exists || req.Version >= 4 && !req.AllowAutoTopicCreation || !a.autoCreates {
		return true
	}
	return a.cluster(kmsg.ACLOperationCreate) || a.topic(kmsg.ACLOperationCreate, *t.Topic)
}

// guardCreateTopics needs CREATE on the cluster or on the topic. Who may not
// see a topic's configs does not get them with the answer.
func guardCreateTopics(a *access, req *kmsg.CreateTopicsRequest) verdict[*kmsg.CreateTopicsResponse] {
	kept, refused := req.Topics, []kmsg.CreateTopicsRequestTopic(nil)
	if !a.cluster(kmsg.ACLOperationCreate) {
		kept, refused = divide(req.Topics, func(t *kmsg.CreateTopicsRequestTopic) bool {
			return a.topic(kmsg.ACLOperationCreate, t.Topic)
		})
	}
	req.Topics = kept
	return edited(func(resp *kmsg.CreateTopicsResponse) {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.ErrorCode == 0 && !a.topic(kmsg.ACLOperationDescribeConfigs, t.Topic) {
				t.ConfigErrorCode, t.Configs = topicRefused, []kmsg.CreateTopicsResponseTopicConfig{}
				t.NumPartitions, t.ReplicationFactor = -1, -1
			}
		}
		for _, t := range refused {
			out := kmsg.NewCreateTopicsResponseTopic()
			out.Topic, out.ErrorCode, out.ErrorMessage = t.Topic, topicRefused, refusalText(0)
			out.NumPartitions, out.ReplicationFactor = -1, -1
			out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

// guardDeleteTopics needs DELETE on the cluster or on the topic. Who may not
// describe a topic does not learn its name from its id.
func guardDeleteTopics(a *access, req *kmsg.DeleteTopicsRequest) verdict[*kmsg.DeleteTopicsResponse] {
	if a.cluster(kmsg.ACLOperationDelete) {
		return passed[*kmsg.DeleteTopicsResponse]()
	}
	mayDelete := func(name string) bool {
		if _, exists := a.img.Topic(name); !exists && a.topic(kmsg.ACLOperationDescribe, name) {
			return true // who may see what there is hears that this is not
		}
		return a.topic(kmsg.ACLOperationDelete, name)
	}
	names, refusedNames := divide(req.TopicNames, func(name *string) bool { return mayDelete(*name) })
	topics, refused := divide(req.Topics, func(t *kmsg.DeleteTopicsRequestTopic) bool {
		if t.Topic != nil {
			return mayDelete(*t.Topic)
		}
		return a.topicWithID(kmsg.ACLOperationDelete, "", t.TopicID)
	})
	req.TopicNames, req.Topics = names, topics
	return edited(func(resp *kmsg.DeleteTopicsResponse) {
		refuse := func(name *string, id [16]byte) {
			out := kmsg.NewDeleteTopicsResponseTopic()
			out.Topic, out.TopicID, out.ErrorCode, out.ErrorMessage = name, id, topicRefused, refusalText(topicRefused)
			resp.Topics = append(resp.Topics, out)
		}
		for i := range refusedNames {
			refuse(&refusedNames[i], [16]byte{})
		}
		for _, t := range refused {
			if t.Topic == nil {
				if name, ok := a.topicNamed("", t.TopicID); ok && a.topic(kmsg.ACLOperationDescribe, name) {
					t.Topic = &name
				}
			}
			refuse(t.Topic, t.TopicID)
		}
	})
}

func guardDeleteRecords(a *access, req *kmsg.DeleteRecordsRequest) verdict[*kmsg.DeleteRecordsResponse] {
	kept, refused := divide(req.Topics, func(t *kmsg.DeleteRecordsRequestTopic) bool {
		return a.topic(kmsg.ACLOperationDelete, t.Topic)
	})
	req.Topics = kept
	return edited(func(resp *kmsg.DeleteRecordsResponse) {
		for _, t := range refused {
			out := kmsg.NewDeleteRecordsResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				o := kmsg.NewDeleteRecordsResponseTopicPartition()
				o.Partition, o.ErrorCode, o.LowWatermark = p.Partition, topicRefused, -1
				out.Partitions = append(out.Partitions, o)
			}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

// guardOffsetForLeaderEpoch lets brokers ask about everything, others about
// what they may describe (KIP-320).
func guardOffsetForLeaderEpoch(a *access, req *kmsg.OffsetForLeaderEpochRequest) verdict[*kmsg.OffsetForLeaderEpochResponse] {
	if a.cluster(kmsg.ACLOperationClusterAction) {
		return passed[*kmsg.OffsetForLeaderEpochResponse]()
	}
	kept, refused := divide(req.Topics, func(t *kmsg.OffsetForLeaderEpochRequestTopic) bool {
		return a.topic(kmsg.ACLOperationDescribe, t.Topic)
	})
	req.Topics = kept
	return edited(func(resp *kmsg.OffsetForLeaderEpochResponse) {
		for _, t := range refused {
			out := kmsg.NewOffsetForLeaderEpochResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				o := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				o.Partition, o.ErrorCode, o.LeaderEpoch, o.EndOffset = p.Partition, topicRefused, -1, -1
				out.Partitions = append(out.Partitions, o)
			}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

func guardCreatePartitions(a *access, req *kmsg.CreatePartitionsRequest) verdict[*kmsg.CreatePartitionsResponse] {
	kept, refused := divide(req.Topics, func(t *kmsg.CreatePartitionsRequestTopic) bool {
		return a.topic(kmsg.ACLOperationAlter, t.Topic)
	})
	req.Topics = kept
	return edited(func(resp *kmsg.CreatePartitionsResponse) {
		for _, t := range refused {
			out := kmsg.NewCreatePartitionsResponseTopic()
			out.Topic, out.ErrorCode, out.ErrorMessage = t.Topic, topicRefused, refusalText(topicRefused)
			resp.Topics = append(resp.Topics, out)
		}
	})
}

func guardDescribeProducers(a *access, req *kmsg.DescribeProducersRequest) verdict[*kmsg.DescribeProducersResponse] {
	kept, refused := divide(req.Topics, func(t *kmsg.DescribeProducersRequestTopic) bool {
		return a.topic(kmsg.ACLOperationRead, t.Topic)
	})
	req.Topics = kept
	return edited(func(resp *kmsg.DescribeProducersResponse) {
		for _, t := range refused {
			out := kmsg.NewDescribeProducersResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				o := kmsg.NewDescribeProducersResponseTopicPartition()
				o.Partition, o.ErrorCode, o.ErrorMessage = p, topicRefused, refusalText(topicRefused)
				out.Partitions = append(out.Partitions, o)
			}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

// guardDescribeTopicPartitions makes a request for all topics one for those
// that the client may describe, so that pages end where they should and the
// cursor names no other.
func guardDescribeTopicPartitions(a *access, req *kmsg.DescribeTopicPartitionsRequest) verdict[*kmsg.DescribeTopicPartitionsResponse] {
	var refused []kmsg.DescribeTopicPartitionsRequestTopic
	if len(req.Topics) > 0 {
		req.Topics, refused = divide(req.Topics, func(t *kmsg.DescribeTopicPartitionsRequestTopic) bool {
			return a.topic(kmsg.ACLOperationDescribe, t.Topic)
		})
	} else {
		for t := range a.img.Topics() {
			if a.topic(kmsg.ACLOperationDescribe, t.Name) {
				req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: t.Name})
			}
		}
	}
	finish := func(resp *kmsg.DescribeTopicPartitionsResponse) {
		for i := range resp.Topics {
			if t := &resp.Topics[i]; t.ErrorCode == 0 && t.Topic != nil {
				t.AuthorizedOperations = a.operations(kmsg.ACLResourceTypeTopic, *t.Topic)
			}
		}
		for _, t := range refused {
			out := kmsg.NewDescribeTopicPartitionsResponseTopic()
			out.Topic, out.ErrorCode, out.AuthorizedOperations = &t.Topic, topicRefused, notAsked
			out.IsInternal = metadata.IsInternal(t.Topic)
			out.Partitions = []kmsg.DescribeTopicPartitionsResponseTopicPartition{}
			resp.Topics = append(resp.Topics, out)
		}
	}
	if len(req.Topics) == 0 { // none would mean all
		resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
		finish(resp)
		return denied(resp)
	}
	return edited(finish)
}
