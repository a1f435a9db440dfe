package handler

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// config tells whether the client may see or change the configs of a resource,
// and the code of the refusal if not.
func (a *access) config(op kmsg.ACLOperation, typ kmsg.ConfigResourceType, name string) int16 {
	switch typ {
	case kmsg.ConfigResourceTypeTopic:
		if !a.topic(op, name) {
			return topicRefused
		}
	case kmsg.ConfigResourceTypeGroupConfig:
		if !a.group(op, name) {
			return groupRefused
		}
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics:
		if !a.cluster(op) {
			return clusterRefused
		}
	}
	return 0
}

func guardDescribeConfigs(a *access, req *kmsg.DescribeConfigsRequest) verdict[*kmsg.DescribeConfigsResponse] {
	failed := func(r *kmsg.DescribeConfigsRequestResource) int16 {
		return a.config(kmsg.ACLOperationDescribeConfigs, r.ResourceType, r.ResourceName)
	}
	kept, refused := divide(req.Resources, func(r *kmsg.DescribeConfigsRequestResource) bool { return failed(r) == 0 })
	req.Resources = kept
	return edited(func(resp *kmsg.DescribeConfigsResponse) {
		for i := range refused {
			r := &refused[i]
			out := kmsg.NewDescribeConfigsResponseResource()
			out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
			out.ErrorCode, out.ErrorMessage = failed(r), refusalText(failed(r))
			out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
			resp.Resources = append(resp.Resources, out)
		}
	})
}

func guardAlterConfigs(a *access, req *kmsg.AlterConfigsRequest) verdict[*kmsg.AlterConfigsResponse] {
	failed := func(r *kmsg.AlterConfigsRequestResource) int16 {
		return a.config(kmsg.ACLOperationAlterConfigs, r.ResourceType, r.ResourceName)
	}
	kept, refused := divide(req.Resources, func(r *kmsg.AlterConfigsRequestResource) bool { return failed(r) == 0 })
	req.Resources = kept
	return edited(func(resp *kmsg.AlterConfigsResponse) {
		for i := range refused {
			r := &refused[i]
			out := kmsg.NewAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
			out.ErrorCode, out.ErrorMessage = failed(r), refusalText(failed(r))
			resp.Resources = append(resp.Resources, out)
		}
	})
}

func guardIncrementalAlterConfigs(a *access, req *kmsg.IncrementalAlterConfigsRequest) verdict[*kmsg.IncrementalAlterConfigsResponse] {
	failed := func(r *kmsg.IncrementalAlterConfigsRequestResource) int16 {
		return a.config(kmsg.ACLOperationAlterConfigs, r.ResourceType, r.ResourceName)
	}
	kept, refused := divide(req.Resources, func(r *kmsg.IncrementalAlterConfigsRequestResource) bool { return failed(r) == 0 })
	req.Resources = kept
	return edited(func(resp *kmsg.IncrementalAlterConfigsResponse) {
		for i := range refused {
			r := &refused[i]
			out := kmsg.NewIncrementalAlterConfigsResponseResource()
			out.ResourceType, out.ResourceName = r.ResourceType, r.ResourceName
			out.ErrorCode, out.ErrorMessage = failed(r), refusalText(failed(r))
			resp.Resources = append(resp.Resources, out)
		}
	})
}

func guardAlterReplicaLogDirs(a *access, req *kmsg.AlterReplicaLogDirsRequest) verdict[*kmsg.AlterReplicaLogDirsResponse] {
	if a.cluster(kmsg.ACLOperationAlter) {
		return passed[*kmsg.AlterReplicaLogDirsResponse]()
	}
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	for _, d := range req.Dirs {
		for _, t := range d.Topics {
			out := kmsg.NewAlterReplicaLogDirsResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				o := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				o.Partition, o.ErrorCode = p, clusterRefused
				out.Partitions = append(out.Partitions, o)
			}
			resp.Topics = append(resp.Topics, out)
		}
	}
	return denied(resp)
}

func guardDescribeLogDirs(a *access, _ *kmsg.DescribeLogDirsRequest) verdict[*kmsg.DescribeLogDirsResponse] {
	if a.cluster(kmsg.ACLOperationDescribe) {
		return passed[*kmsg.DescribeLogDirsResponse]()
	}
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	resp.ErrorCode = clusterRefused
	return denied(resp)
}

func guardElectLeaders(a *access, req *kmsg.ElectLeadersRequest) verdict[*kmsg.ElectLeadersResponse] {
	if a.cluster(kmsg.ACLOperationAlter) {
		return passed[*kmsg.ElectLeadersResponse]()
	}
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.ErrorCode = clusterRefused
	for _, t := range req.Topics {
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			o := kmsg.NewElectLeadersResponseTopicPartition()
			o.Partition, o.ErrorCode, o.ErrorMessage = p, clusterRefused, refusalText(clusterRefused)
			out.Partitions = append(out.Partitions, o)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return denied(resp)
}

func guardAlterPartitionAssignments(a *access, _ *kmsg.AlterPartitionAssignmentsRequest) verdict[*kmsg.AlterPartitionAssignmentsResponse] {
	if a.cluster(kmsg.ACLOperationAlter) {
		return passed[*kmsg.AlterPartitionAssignmentsResponse]()
	}
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.ErrorCode, resp.ErrorMessage = clusterRefused, refusalText(clusterRefused)
	return denied(resp)
}

func guardListPartitionReassignments(a *access, _ *kmsg.ListPartitionReassignmentsRequest) verdict[*kmsg.ListPartitionReassignmentsResponse] {
	if a.cluster(kmsg.ACLOperationDescribe) {
		return passed[*kmsg.ListPartitionReassignmentsResponse]()
	}
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.ErrorCode, resp.ErrorMessage = clusterRefused, refusalText(clusterRefused)
	return denied(resp)
}

func guardDescribeClientQuotas(a *access, _ *kmsg.DescribeClientQuotasRequest) verdict[*kmsg.DescribeClientQuotasResponse] {
	if a.cluster(kmsg.ACLOperationDescribeConfigs) {
		return passed[*kmsg.DescribeClientQuotasResponse]()
	}
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	resp.ErrorCode, resp.ErrorMessage = clusterRefused, refusalText(clusterRefused)
	return denied(resp)
}

func guardAlterClientQuotas(a *access, req *kmsg.AlterClientQuotasRequest) verdict[*kmsg.AlterClientQuotasResponse] {
	if a.cluster(kmsg.ACLOperationAlterConfigs) {
		return passed[*kmsg.AlterClientQuotasResponse]()
	}
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	for _, e := range req.Entries {
		out := kmsg.NewAlterClientQuotasResponseEntry()
		out.ErrorCode, out.ErrorMessage = clusterRefused, refusalText(clusterRefused)
		for _, entity := range e.Entity {
			o := kmsg.NewAlterClientQuotasResponseEntryEntity()
			o.Type, o.Name = entity.Type, entity.Name
			out.Entity = append(out.Entity, o)
		}
		resp.Entries = append(resp.Entries, out)
	}
	return denied(resp)
}

func guardDescribeQuorum(a *access, _ *kmsg.DescribeQuorumRequest) verdict[*kmsg.DescribeQuorumResponse] {
	if a.cluster(kmsg.ACLOperationDescribe) {
		return passed[*kmsg.DescribeQuorumResponse]()
	}
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.ErrorCode, resp.ErrorMessage = clusterRefused, refusalText(clusterRefused)
	return denied(resp)
}

func guardUpdateFeatures(a *access, _ *kmsg.UpdateFeaturesRequest) verdict[*kmsg.UpdateFeaturesResponse] {
	if a.cluster(kmsg.ACLOperationAlter) {
		return passed[*kmsg.UpdateFeaturesResponse]()
	}
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.ErrorCode, resp.ErrorMessage = clusterRefused, refusalText(clusterRefused)
	return denied(resp)
}

// guardDescribeCluster lets everybody see the brokers, as Metadata does.
func guardDescribeCluster(a *access, req *kmsg.DescribeClusterRequest) verdict[*kmsg.DescribeClusterResponse] {
	return edited(func(resp *kmsg.DescribeClusterResponse) {
		if resp.ErrorCode == 0 {
			resp.ClusterAuthorizedOperations = a.clusterOperations(req.IncludeClusterAuthorizedOperations)
		}
	})
}

func guardListConfigResources(a *access, _ *kmsg.ListConfigResourcesRequest) verdict[*kmsg.ListConfigResourcesResponse] {
	if a.cluster(kmsg.ACLOperationDescribeConfigs) {
		return passed[*kmsg.ListConfigResourcesResponse]()
	}
	resp := kmsg.NewPtrListConfigResourcesResponse()
	resp.ErrorCode = clusterRefused
	return denied(resp)
}
