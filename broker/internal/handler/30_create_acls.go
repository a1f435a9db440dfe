package handler

// CreateACLs (key 30): versions 0-3.
//
//	v1  prefixed patterns (KIP-290)
//	v2  flexible
//	v3  users as resources (KIP-373)

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// createACLs adds those that are valid, all at once. One that exists is created again without effect.
func (s *Security) createACLs(ctx context.Context, c *server.Conn, req *kmsg.CreateACLsRequest) (*kmsg.CreateACLsResponse, error) {
	resp := kmsg.NewPtrCreateACLsResponse()
	denied := s.aclAccess(c, kmsg.ACLOperationAlter)
	var recs []metadata.Record
	errs := make([]error, len(req.Creations))
	for i := range req.Creations {
		in := &req.Creations[i]
		acl := metadata.ACL{
			Resource: in.ResourceType, Name: in.ResourceName, Pattern: in.ResourcePatternType,
			Principal: in.Principal, Host: in.Host, Operation: in.Operation, Permission: in.PermissionType,
		}
		if errs[i] = denied; denied == nil {
			errs[i] = security.CheckACL(acl)
		}
		if errs[i] == nil {
			recs = append(recs, &metadata.ACLRecord{ACL: acl})
		}
	}
	_, failed := s.metadata.Propose(recs)
	for _, err := range errs {
		if err == nil {
			err = failed
		}
		out := kmsg.NewCreateACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		resp.Results = append(resp.Results, out)
	}
	for _, rec := range recs {
		if failed == nil {
			s.log.InfoContext(ctx, "create acl", "acl", aclText(rec.(*metadata.ACLRecord).ACL), "principal", c.Principal())
		}
	}
	return resp, nil
}
