package handler

// SASLAuthenticate (key 36): versions 0-2.
//
//	v1  how long the login counts (KIP-368)
//	v2  flexible

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

func (s *Security) saslAuthenticate(_ context.Context, c *server.Conn, req *kmsg.SASLAuthenticateRequest) (*kmsg.SASLAuthenticateResponse, error) {
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.SASLAuthBytes = []byte{}
	l, _ := c.LoginState().(*login)
	if !c.SASL() || l == nil || l.exchange == nil {
		text := "SaslAuthenticate request received after successful authentication or before a handshake"
		resp.ErrorCode, resp.ErrorMessage = kerr.IllegalSaslState.Code, &text
		if c.SASL() {
			c.Refuse(0)
		}
		return resp, nil
	}
	answer, expires, err := s.step(c, l, req.SASLAuthBytes)
	switch {
	case err != nil:
		text := err.Error()
		resp.ErrorCode, resp.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &text
		return resp, nil
	case answer != nil:
		resp.SASLAuthBytes = answer
	}
	if req.Version >= 1 && !expires.IsZero() {
		resp.SessionLifetimeMillis = max(time.Until(expires).Milliseconds(), 1)
	}
	return resp, nil
}

// step takes one message of a login. After the last one the client is logged in until expires, zero: for ever.
func (s *Security) step(c *server.Conn, l *login, message []byte) (answer []byte, expires time.Time, err error) {
	answer, id, err := l.exchange.Step(message)
	if err == nil && id != nil && l.principal != "" && id.Principal != l.principal {
		err = errOtherPrincipal
	}
	switch {
	case err != nil:
		s.log.Info("login refused", "client", c.RemoteAddr().String(), "client_id", c.ClientID(), "listener", c.Listener(),
			"mechanism", l.mechanism.Name(), "err", err)
		c.Refuse(s.failureDelay)
		return nil, expires, err
	case id != nil:
		l.exchange, l.principal, l.token = nil, id.Principal, id.Token
		expires = s.expiry(c.Listener(), id)
		c.Login(id.Principal, expires)
	}
	return answer, expires, nil
}

var errOtherPrincipal = errors.New("Cannot change principals during re-authentication") //nolint:staticcheck // Kafka's text

// expiry is when a login ends: with what proved it, or with connections.max.reauth.ms.
func (s *Security) expiry(listener string, id *security.Identity) time.Time {
	limit := s.maxReauth(listener)
	if limit <= 0 {
		return id.Expires
	}
	by := time.Now().Add(limit)
	if !id.Expires.IsZero() && id.Expires.Before(by) {
		return id.Expires
	}
	return by
}
