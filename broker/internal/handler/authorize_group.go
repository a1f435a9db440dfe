package handler

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// guardOffsetCommit needs READ on the group and on each topic.
func guardOffsetCommit(a *access, req *kmsg.OffsetCommitRequest) verdict[*kmsg.OffsetCommitResponse] {
	kept, refused, failed := req.Topics[:0], req.Topics, groupRefused
	if a.group(kmsg.ACLOperationRead, req.Group) {
		failed = topicRefused
		kept, refused = divide(req.Topics, func(t *kmsg.OffsetCommitRequestTopic) bool {
			return a.topicWithID(kmsg.ACLOperationRead, t.Topic, t.TopicID)
		})
	}
	finish := func(resp *kmsg.OffsetCommitResponse) {
		for _, t := range refused {
			resp.Topics = append(resp.Topics, refuseCommit(t, failed))
		}
	}
	if len(kept) == 0 && len(refused) > 0 {
		resp := kmsg.NewPtrOffsetCommitResponse()
		finish(resp)
		return denied(resp)
	}
	req.Topics = kept
	return edited(finish)
}

// guardOffsetFetch needs DESCRIBE on each group and on each topic. A list of
// all topics leaves out those that the client may not see.
func guardOffsetFetch(a *access, req *kmsg.OffsetFetchRequest) verdict[*kmsg.OffsetFetchResponse] {
	groups := req.Groups
	if req.Version < 8 {
		groups = []kmsg.OffsetFetchRequestGroup{oneGroup(req)}
	}
	groups, refused := divide(groups, func(g *kmsg.OffsetFetchRequestGroup) bool {
		return a.group(kmsg.ACLOperationDescribe, g.Group)
	})
	more := make([][]kmsg.OffsetFetchResponseGroupTopic, len(groups))
	for i := range groups {
		if groups[i].Topics == nil {
			continue
		}
		var topics []kmsg.OffsetFetchRequestGroupTopic
		groups[i].Topics, topics = divide(groups[i].Topics, func(t *kmsg.OffsetFetchRequestGroupTopic) bool {
			return a.topicWithID(kmsg.ACLOperationDescribe, t.Topic, t.TopicID)
		})
		for _, t := range topics {
			more[i] = append(more[i], refuseFetch(t, topicRefused))
		}
	}
	var answers []kmsg.OffsetFetchResponseGroup
	for _, g := range refused {
		out := kmsg.NewOffsetFetchResponseGroup()
		out.Group, out.ErrorCode = g.Group, groupRefused
		answers = append(answers, out)
	}
	if len(groups) == 0 {
		resp := kmsg.NewPtrOffsetFetchResponse()
		if resp.Groups = answers; req.Version < 8 {
			flattenFetch(resp, req, answers[0])
		}
		return denied(resp)
	}
	if req.Version >= 8 {
		req.Groups = groups
		return edited(func(resp *kmsg.OffsetFetchResponse) {
			for i := range resp.Groups {
				g := &resp.Groups[i]
				if groups[i].Topics == nil {
					g.Topics = slices.DeleteFunc(g.Topics, func(t kmsg.OffsetFetchResponseGroupTopic) bool {
						return !a.topicWithID(kmsg.ACLOperationDescribe, t.Topic, t.TopicID)
					})
				}
				g.Topics = append(g.Topics, more[i]...)
			}
			resp.Groups = append(resp.Groups, answers...)
		})
	}
	if groups[0].Topics != nil {
		req.Topics = make([]kmsg.OffsetFetchRequestTopic, 0, len(groups[0].Topics))
		for _, t := range groups[0].Topics {
			in := kmsg.NewOffsetFetchRequestTopic()
			in.Topic, in.Partitions = t.Topic, t.Partitions
			req.Topics = append(req.Topics, in)
		}
	}
	return edited(func(resp *kmsg.OffsetFetchResponse) {
		if groups[0].Topics == nil {
			resp.Topics = slices.DeleteFunc(resp.Topics, func(t kmsg.OffsetFetchResponseTopic) bool {
				return !a.topic(kmsg.ACLOperationDescribe, t.Topic)
			})
		}
		var old kmsg.OffsetFetchResponse
		flattenFetch(&old, req, kmsg.OffsetFetchResponseGroup{Topics: more[0]})
		resp.Topics = append(resp.Topics, old.Topics...)
	})
}

// guardFindCoordinator needs DESCRIBE on the group or the transactional id, and
// CLUSTER_ACTION for the coordinator of share groups.
func guardFindCoordinator(a *access, req *kmsg.FindCoordinatorRequest) verdict[*kmsg.FindCoordinatorResponse] {
	kind := req.CoordinatorType
	if req.Version == 0 {
		kind = groupCoordinator
	}
	failed := map[int8]int16{groupCoordinator: groupRefused, transactionCoordinator: transactionRefused}[kind]
	if failed == 0 {
		failed = clusterRefused
	}
	may := func(key *string) bool {
		switch kind {
		case groupCoordinator:
			return a.group(kmsg.ACLOperationDescribe, *key)
		case transactionCoordinator:
			return a.transaction(kmsg.ACLOperationDescribe, *key)
		}
		return a.cluster(kmsg.ACLOperationClusterAction)
	}
	if req.Version < 4 {
		if may(&req.CoordinatorKey) {
			return passed[*kmsg.FindCoordinatorResponse]()
		}
		resp := kmsg.NewPtrFindCoordinatorResponse()
		resp.NodeID, resp.Port = -1, -1
		resp.ErrorCode, resp.ErrorMessage = failed, refusalText(failed)
		return denied(resp)
	}
	kept, refused := divide(req.CoordinatorKeys, may)
	finish := func(resp *kmsg.FindCoordinatorResponse) {
		for _, key := range refused {
			out := kmsg.NewFindCoordinatorResponseCoordinator()
			out.Key, out.NodeID, out.Port, out.ErrorCode, out.ErrorMessage = key, -1, -1, failed, refusalText(failed)
			resp.Coordinators = append(resp.Coordinators, out)
		}
	}
	if len(kept) == 0 && len(refused) > 0 { // the topic of the coordinator is not made for them
		resp := kmsg.NewPtrFindCoordinatorResponse()
		finish(resp)
		return denied(resp)
	}
	req.CoordinatorKeys = kept
	return edited(finish)
}

func guardJoinGroup(a *access, req *kmsg.JoinGroupRequest) verdict[*kmsg.JoinGroupResponse] {
	if a.group(kmsg.ACLOperationRead, req.Group) {
		return passed[*kmsg.JoinGroupResponse]()
	}
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.Generation, resp.MemberID = groupRefused, -1, req.MemberID
	return denied(resp)
}

func guardHeartbeat(a *access, req *kmsg.HeartbeatRequest) verdict[*kmsg.HeartbeatResponse] {
	if a.group(kmsg.ACLOperationRead, req.Group) {
		return passed[*kmsg.HeartbeatResponse]()
	}
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.ErrorCode = groupRefused
	return denied(resp)
}

func guardLeaveGroup(a *access, req *kmsg.LeaveGroupRequest) verdict[*kmsg.LeaveGroupResponse] {
	if a.group(kmsg.ACLOperationRead, req.Group) {
		return passed[*kmsg.LeaveGroupResponse]()
	}
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.ErrorCode = groupRefused
	return denied(resp)
}

func guardSyncGroup(a *access, req *kmsg.SyncGroupRequest) verdict[*kmsg.SyncGroupResponse] {
	if a.group(kmsg.ACLOperationRead, req.Group) {
		return passed[*kmsg.SyncGroupResponse]()
	}
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.ErrorCode = groupRefused
	return denied(resp)
}

func guardDescribeGroups(a *access, req *kmsg.DescribeGroupsRequest) verdict[*kmsg.DescribeGroupsResponse] {
	kept, refused := divide(req.Groups, func(g *string) bool { return a.group(kmsg.ACLOperationDescribe, *g) })
	req.Groups = kept
	return edited(func(resp *kmsg.DescribeGroupsResponse) {
		for i := range resp.Groups {
			if g := &resp.Groups[i]; g.ErrorCode == 0 {
				g.AuthorizedOperations = a.optional(req.IncludeAuthorizedOperations, kmsg.ACLResourceTypeGroup, g.Group)
			}
		}
		for _, g := range refused {
			out := kmsg.NewDescribeGroupsResponseGroup()
			out.Group, out.ErrorCode, out.AuthorizedOperations = g, groupRefused, notAsked
			if req.Version >= 6 {
				out.ErrorMessage = refusalText(groupRefused)
			}
			resp.Groups = append(resp.Groups, out)
		}
	})
}

// guardListGroups shows those who may describe the cluster all groups, and
// others those that they may describe.
func guardListGroups(a *access, _ *kmsg.ListGroupsRequest) verdict[*kmsg.ListGroupsResponse] {
	if a.cluster(kmsg.ACLOperationDescribe) {
		return passed[*kmsg.ListGroupsResponse]()
	}
	return edited(func(resp *kmsg.ListGroupsResponse) {
		resp.Groups = slices.DeleteFunc(resp.Groups, func(g kmsg.ListGroupsResponseGroup) bool {
			return !a.group(kmsg.ACLOperationDescribe, g.Group)
		})
	})
}

func guardDeleteGroups(a *access, req *kmsg.DeleteGroupsRequest) verdict[*kmsg.DeleteGroupsResponse] {
	kept, refused := divide(req.Groups, func(g *string) bool { return a.group(kmsg.ACLOperationDelete, *g) })
	req.Groups = kept
	return edited(func(resp *kmsg.DeleteGroupsResponse) {
		for _, g := range refused {
			out := kmsg.NewDeleteGroupsResponseGroup()
			out.Group, out.ErrorCode = g, groupRefused
			resp.Groups = append(resp.Groups, out)
		}
	})
}

// guardOffsetDelete needs DELETE on the group and READ on each topic.
func guardOffsetDelete(a *access, req *kmsg.OffsetDeleteRequest) verdict[*kmsg.OffsetDeleteResponse] {
	if !a.group(kmsg.ACLOperationDelete, req.Group) {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode = groupRefused
		return denied(resp)
	}
	kept, refused := divide(req.Topics, func(t *kmsg.OffsetDeleteRequestTopic) bool {
		return a.topic(kmsg.ACLOperationRead, t.Topic)
	})
	req.Topics = kept
	return edited(func(resp *kmsg.OffsetDeleteResponse) {
		if resp.ErrorCode != 0 {
			return
		}
		for _, t := range refused {
			out := kmsg.NewOffsetDeleteResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				out.Partitions = append(out.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: topicRefused})
			}
			resp.Topics = append(resp.Topics, out)
		}
	})
}

// guardConsumerGroupHeartbeat needs READ on the group and DESCRIBE on the
// topics that a member names.
func guardConsumerGroupHeartbeat(a *access, req *kmsg.ConsumerGroupHeartbeatRequest) verdict[*kmsg.ConsumerGroupHeartbeatResponse] {
	refuse := func(code int16) verdict[*kmsg.ConsumerGroupHeartbeatResponse] {
		resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode, resp.ErrorMessage = code, refusalText(code)
		return denied(resp)
	}
	if !a.group(kmsg.ACLOperationRead, req.Group) {
		return refuse(groupRefused)
	}
	for _, name := range req.SubscribedTopicNames {
		if !a.topic(kmsg.ACLOperationDescribe, name) {
			return refuse(topicRefused)
		}
	}
	if req.SubscribedTopicRegex != nil && *req.SubscribedTopicRegex != "" {
		return edited(a.hideTopics)
	}
	return passed[*kmsg.ConsumerGroupHeartbeatResponse]()
}

// hideTopics takes topics out of an assignment that the client may not
// describe: a regular expression may match them.
func (a *access) hideTopics(resp *kmsg.ConsumerGroupHeartbeatResponse) {
	if resp.Assignment == nil {
		return
	}
	topics, hidden := divide(resp.Assignment.Topics, func(t *kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic) bool {
		return a.topicWithID(kmsg.ACLOperationDescribe, "", t.TopicID)
	})
	if len(hidden) > 0 {
		left := *resp.Assignment // the group may share it
		left.Topics = topics
		resp.Assignment = &left
	}
}

// guardConsumerGroupDescribe needs DESCRIBE on each group, and on all topics
// that its members have.
func guardConsumerGroupDescribe(a *access, req *kmsg.ConsumerGroupDescribeRequest) verdict[*kmsg.ConsumerGroupDescribeResponse] {
	kept, refused := divide(req.Groups, func(g *string) bool { return a.group(kmsg.ACLOperationDescribe, *g) })
	req.Groups = kept
	return edited(func(resp *kmsg.ConsumerGroupDescribeResponse) {
		for i := range resp.Groups {
			g := &resp.Groups[i]
			if g.ErrorCode != 0 {
				continue
			}
			g.AuthorizedOperations = a.optional(req.IncludeAuthorizedOperations, kmsg.ACLResourceTypeGroup, g.Group)
			if !a.mayDescribeMembers(g.Members) {
				text := "The group has described topic(s) that the client is not authorized to describe."
				g.ErrorCode, g.ErrorMessage, g.Members = topicRefused, &text, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
			}
		}
		for _, g := range refused {
			out := kmsg.NewConsumerGroupDescribeResponseGroup()
			out.Group, out.ErrorCode, out.ErrorMessage = g, groupRefused, refusalText(groupRefused)
			out.AuthorizedOperations = notAsked
			resp.Groups = append(resp.Groups, out)
		}
	})
}

func (a *access) mayDescribeMembers(members []kmsg.ConsumerGroupDescribeResponseGroupMember) bool {
	for i := range members {
		m := &members[i]
		for _, name := range m.SubscribedTopics {
			if !a.topic(kmsg.ACLOperationDescribe, name) {
				return false
			}
		}
		for _, assignment := range [][]kmsg.AssignmentTopicPartition{m.Assignment.TopicPartitions, m.TargetAssignment.TopicPartitions} {
			for j := range assignment {
				if !a.topic(kmsg.ACLOperationDescribe, assignment[j].Topic) {
					return false
				}
			}
		}
	}
	return true
}
