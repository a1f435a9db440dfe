package handler

// ExpireDelegationToken (key 40): versions 0-2 (KIP-48). v2 is flexible.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

// expireToken ends a token at once, which a negative period asks for, or changes when it expires.
func (s *Security) expireToken(ctx context.Context, c *server.Conn, req *kmsg.ExpireDelegationTokenRequest) (*kmsg.ExpireDelegationTokenResponse, error) {
	resp := kmsg.NewPtrExpireDelegationTokenResponse()
	expires, err := s.expire(ctx, c, req)
	if resp.ErrorCode = code(err); err != nil {
		return resp, nil
	}
	resp.ExpiryTimestamp = expires.UnixMilli()
	return resp, nil
}

func (s *Security) expire(ctx context.Context, c *server.Conn, req *kmsg.ExpireDelegationTokenRequest) (time.Time, error) {
	if err := s.tokenAccess(c); err != nil {
		return time.Time{}, err
	}
	if err := s.tokensEnabled(); err != nil {
		return time.Time{}, err
	}
	s.tokenMu.Lock()
	defer s.tokenMu.Unlock()
	t, err := s.tokenOf(c, req.HMAC)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	if req.ExpiryPeriodMillis >= 0 {
		return s.extendToken(t, period(req.ExpiryPeriodMillis, s.tokens.MaxLifetime), now)
	}
	s.log.InfoContext(ctx, "end delegation token", "token", t.ID, "owner", t.Owner, "principal", c.Principal())
	_, err = s.metadata.Propose([]metadata.Record{&metadata.RemoveDelegationTokenRecord{ID: t.ID}})
	return now, err
}
