package handler

// DescribeACLs (key 29): versions 0-3.
//
//	v1  prefixed patterns (KIP-290)
//	v2  flexible
//	v3  users as resources (KIP-373)

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// errNoAuthorizer is the answer of all APIs of ACLs where there is no authorizer.
var errNoAuthorizer = fmt.Errorf("No Authorizer is configured.: %w", kerr.SecurityDisabled) //nolint:staticcheck // Kafka's text

// errCluster is the answer to who may not do something to the cluster.
var errCluster = fmt.Errorf("Cluster authorization failed.: %w", kerr.ClusterAuthorizationFailed) //nolint:staticcheck // Kafka's text

// aclAccess tells whether the client may see or change ACLs.
func (s *Security) aclAccess(c *server.Conn, op kmsg.ACLOperation) error {
	switch {
	case s.authorizer == nil:
		return errNoAuthorizer
	case !s.access(s.metadata.Image(), c).cluster(op):
		return errCluster
	}
	return nil
}

func (s *Security) describeACLs(_ context.Context, c *server.Conn, req *kmsg.DescribeACLsRequest) (*kmsg.DescribeACLsResponse, error) {
	resp := kmsg.NewPtrDescribeACLsResponse()
	filter := security.ACLFilter{
		Resource: req.ResourceType, Name: req.ResourceName, Pattern: req.ResourcePatternType,
		Principal: req.Principal, Host: req.Host, Operation: req.Operation, Permission: req.PermissionType,
	}
	err := s.aclAccess(c, kmsg.ACLOperationDescribe)
	if err == nil {
		err = filter.Check()
	}
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = code(err), message(err)
		return resp, nil
	}
	type pattern struct {
		typ  kmsg.ACLResourceType
		name string
		kind kmsg.ACLResourcePatternType
	}
	at := map[pattern]int{}
	for _, a := range s.metadata.Image().ACLs().Sorted() {
		if !filter.Matches(a) || req.Version == 0 && a.Pattern != kmsg.ACLResourcePatternTypeLiteral {
			continue
		}
		p := pattern{a.Resource, a.Name, a.Pattern}
		i, ok := at[p]
		if !ok {
			i = len(resp.Resources)
			at[p] = i
			out := kmsg.NewDescribeACLsResponseResource()
			out.ResourceType, out.ResourceName, out.ResourcePatternType = p.typ, p.name, p.kind
			resp.Resources = append(resp.Resources, out)
		}
		out := kmsg.NewDescribeACLsResponseResourceACL()
		out.Principal, out.Host, out.Operation, out.PermissionType = a.Principal, a.Host, a.Operation, a.Permission
		resp.Resources[i].ACLs = append(resp.Resources[i].ACLs, out)
	}
	return resp, nil
}

// aclText is an ACL in the log.
func aclText(a metadata.ACL) string {
	return fmt.Sprintf("%s %s %s from %q on %s %s %q", a.Principal, a.Permission, a.Operation, a.Host, a.Pattern, a.Resource, a.Name)
}
