package handler

// RenewDelegationToken (key 39): versions 0-2 (KIP-48). v2 is flexible.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/server"
)

func (s *Security) renewToken(_ context.Context, c *server.Conn, req *kmsg.RenewDelegationTokenRequest) (*kmsg.RenewDelegationTokenResponse, error) {
	resp := kmsg.NewPtrRenewDelegationTokenResponse()
	expires, err := s.renew(c, req)
	if resp.ErrorCode = code(err); err != nil {
		return resp, nil
	}
	resp.ExpiryTimestamp = expires.UnixMilli()
	return resp, nil
}

func (s *Security) renew(c *server.Conn, req *kmsg.RenewDelegationTokenRequest) (time.Time, error) {
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
	return s.extendToken(t, period(req.RenewTimeMillis, s.tokens.Lifetime), time.Now())
}
