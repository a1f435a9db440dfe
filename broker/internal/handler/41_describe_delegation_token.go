package handler

// DescribeDelegationToken (key 41): versions 0-3 (KIP-48).
//
//	v2  flexible
//	v3  who made a token for another user (KIP-373)

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// describeTokens lists the tokens of the owners that are named, or of all where none is, as far as the client may see them.
func (s *Security) describeTokens(_ context.Context, c *server.Conn, req *kmsg.DescribeDelegationTokenRequest) (*kmsg.DescribeDelegationTokenResponse, error) {
	resp := kmsg.NewPtrDescribeDelegationTokenResponse()
	err := s.tokenAccess(c)
	if err == nil {
		err = s.tokensEnabled()
	}
	if err != nil {
		resp.ErrorCode = code(err)
		return resp, nil
	}
	img := s.metadata.Image()
	may := s.access(img, c)
	for _, t := range img.DelegationTokens() {
		named := req.Owners == nil || slices.ContainsFunc(req.Owners, func(o kmsg.DescribeDelegationTokenRequestOwner) bool {
			return t.OwnerOrRenewer(o.PrincipalType + ":" + o.PrincipalName)
		})
		if named && may.maySee(t) {
			resp.TokenDetails = append(resp.TokenDetails, s.tokenDetail(t))
		}
	}
	return resp, nil
}

func (s *Security) tokenDetail(t *metadata.DelegationToken) kmsg.DescribeDelegationTokenResponseTokenDetail {
	out := kmsg.NewDescribeDelegationTokenResponseTokenDetail()
	out.PrincipalType, out.PrincipalName = parts(t.Owner)
	out.TokenRequesterPrincipalType, out.TokenRequesterPrincipalName = parts(t.Requester)
	out.IssueTimestamp, out.ExpiryTimestamp, out.MaxTimestamp = t.Issued.UnixMilli(), t.Expires.UnixMilli(), t.Max.UnixMilli()
	out.TokenID, out.HMAC = t.ID, security.TokenMAC(s.tokens.Secret, t.ID)
	for _, r := range t.Renewers {
		renewer := kmsg.NewDescribeDelegationTokenResponseTokenDetailRenewer()
		renewer.PrincipalType, renewer.PrincipalName = parts(r)
		out.Renewers = append(out.Renewers, renewer)
	}
	return out
}
