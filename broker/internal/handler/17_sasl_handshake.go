package handler

// SASLHandshake (key 17): versions 0-1. After version 0 the messages of SASL
// come without Kafka's headers.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// login is how far a client is with SASL.
type login struct {
	mechanism security.Mechanism
	exchange  security.Exchange // nil: over, another handshake begins the next
	principal string            // of the login before, which another one must repeat
	token     bool              // the client has logged in by a delegation token
}

func (s *Security) saslHandshake(_ context.Context, c *server.Conn, req *kmsg.SASLHandshakeRequest) (*kmsg.SASLHandshakeResponse, error) {
	resp := kmsg.NewPtrSASLHandshakeResponse()
	if !c.SASL() {
		resp.ErrorCode = kerr.IllegalSaslState.Code
		return resp, nil
	}
	var chosen security.Mechanism
	for _, m := range s.mechanisms(c.Listener()) {
		resp.SupportedMechanisms = append(resp.SupportedMechanisms, m.Name())
		if m.Name() == req.Mechanism {
			chosen = m
		}
	}
	l, _ := c.LoginState().(*login)
	switch {
	case chosen == nil || l != nil && l.principal != "" && l.mechanism.Name() != chosen.Name():
		resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		c.Refuse(0)
	case l != nil && l.exchange != nil: // a handshake in the middle of a login
		resp.ErrorCode = kerr.IllegalSaslState.Code
		c.Refuse(0)
	default:
		next := &login{mechanism: chosen, exchange: chosen.Begin()}
		if l != nil {
			next.principal = l.principal
		}
		c.SetLoginState(next)
		if req.Version == 0 {
			c.RawLogin(func(token []byte) ([]byte, error) {
				answer, _, err := s.step(c, next, token)
				return answer, err
			})
		}
	}
	return resp, nil
}
