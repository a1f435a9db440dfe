package handler

// CreateDelegationToken (key 38): versions 0-3 (KIP-48).
//
//	v2  flexible
//	v3  tokens for other users (KIP-373)

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// maxRenewers bounds the renewers of a token.
const maxRenewers = 1000

func (s *Security) createToken(ctx context.Context, c *server.Conn, req *kmsg.CreateDelegationTokenRequest) (*kmsg.CreateDelegationTokenResponse, error) {
	resp := kmsg.NewPtrCreateDelegationTokenResponse()
	requester := c.Principal()
	owner := requester
	if req.OwnerPrincipalName != nil && *req.OwnerPrincipalName != "" {
		kind := "User"
		if req.OwnerPrincipalType != nil {
			kind = *req.OwnerPrincipalType
		}
		owner = kind + ":" + *req.OwnerPrincipalName
	}
	resp.PrincipalType, resp.PrincipalName = parts(owner)
	resp.TokenRequesterPrincipalType, resp.TokenRequesterPrincipalName = parts(requester)
	t, err := s.newToken(c, req, owner)
	if err != nil {
		resp.ErrorCode, resp.HMAC = code(err), []byte{}
		resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = -1, -1, -1
		return resp, nil
	}
	s.log.InfoContext(ctx, "create delegation token", "token", t.ID, "owner", owner, "principal", requester)
	resp.TokenID, resp.HMAC = t.ID, security.TokenMAC(s.tokens.Secret, t.ID)
	resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = t.Issued.UnixMilli(), t.Expires.UnixMilli(), t.Max.UnixMilli()
	return resp, nil
}

func (s *Security) newToken(c *server.Conn, req *kmsg.CreateDelegationTokenRequest, owner string) (*metadata.DelegationToken, error) {
	if err := s.tokenAccess(c); err != nil {
		return nil, err
	}
	if owner != c.Principal() && !s.access(s.metadata.Image(), c).mayMakeFor(owner) {
		return nil, kerr.DelegationTokenAuthorizationFailed
	}
	if kind, name := parts(owner); owner != c.Principal() {
		if _, err := principalOf(kind, name); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	// Kafka's tokens have ids of the form of its topics'.
	t := &metadata.DelegationToken{ID: metadata.NewTopicID().String(), Owner: owner, Requester: c.Principal(), Issued: now}
	if len(req.Renewers) > maxRenewers {
		return nil, fmt.Errorf("%d renewers, %d are allowed: %w", len(req.Renewers), maxRenewers, kerr.InvalidRequest)
	}
	for _, r := range req.Renewers {
		renewer, err := principalOf(r.PrincipalType, r.PrincipalName)
		if err != nil {
			return nil, err
		}
		t.Renewers = append(t.Renewers, renewer)
	}
	if err := s.tokensEnabled(); err != nil {
		return nil, err
	}
	life := s.tokens.MaxLifetime
	if req.MaxLifetimeMillis > 0 {
		life = period(req.MaxLifetimeMillis, life)
	}
	t.Max = now.Add(life)
	t.Expires = earlier(now.Add(s.tokens.Lifetime), t.Max)
	_, err := s.metadata.Propose([]metadata.Record{&metadata.DelegationTokenRecord{Token: *t}})
	return t, err
}
