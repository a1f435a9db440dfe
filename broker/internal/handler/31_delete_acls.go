package handler

// DeleteACLs (key 31): versions 0-3.
//
//	v1  prefixed patterns (KIP-290)
//	v2  flexible
//	v3  users as resources (KIP-373)

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

func (s *Security) deleteACLs(ctx context.Context, c *server.Conn, req *kmsg.DeleteACLsRequest) (*kmsg.DeleteACLsResponse, error) {
	resp := kmsg.NewPtrDeleteACLsResponse()
	denied := s.aclAccess(c, kmsg.ACLOperationAlter)
	for i := range req.Filters {
		in := &req.Filters[i]
		filter := security.ACLFilter{
			Resource: in.ResourceType, Name: in.ResourceName, Pattern: in.ResourcePatternType,
			Principal: in.Principal, Host: in.Host, Operation: in.Operation, Permission: in.PermissionType,
		}
		err := denied
		if err == nil {
			err = filter.Check()
		}
		var gone []metadata.ACL
		if err == nil {
			gone, err = s.removeACLs(&filter)
		}
		out := kmsg.NewDeleteACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		for _, a := range gone {
			m := kmsg.NewDeleteACLsResponseResultMatchingACL()
			m.ResourceType, m.ResourceName, m.ResourcePatternType = a.Resource, a.Name, a.Pattern
			m.Principal, m.Host, m.Operation, m.PermissionType = a.Principal, a.Host, a.Operation, a.Permission
			out.MatchingACLs = append(out.MatchingACLs, m)
			s.log.InfoContext(ctx, "delete acl", "acl", aclText(a), "principal", c.Principal())
		}
		resp.Results = append(resp.Results, out)
	}
	return resp, nil
}

// removeACLs removes what a filter means. If another request removes one of them meanwhile it looks again.
func (s *Security) removeACLs(filter *security.ACLFilter) ([]metadata.ACL, error) {
	for {
		var gone []metadata.ACL
		var recs []metadata.Record
		for _, a := range s.metadata.Image().ACLs().Sorted() {
			if filter.Matches(a) {
				gone = append(gone, a)
				recs = append(recs, &metadata.RemoveACLRecord{ACL: a})
			}
		}
		_, err := s.metadata.Propose(recs)
		switch {
		case err == nil:
			return gone, nil
		case !errors.Is(err, kerr.ResourceNotFound):
			return nil, err
		}
	}
}
