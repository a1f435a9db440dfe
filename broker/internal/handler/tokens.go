package handler

import (
	"context"
	"crypto/hmac"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// TokenConfig says how long delegation tokens live (KIP-48).
type TokenConfig struct {
	// Secret signs the tokens: delegation.token.secret.key. Empty: there are none.
	Secret string
	// MaxLifetime is delegation.token.max.lifetime.ms.
	MaxLifetime time.Duration
	// Lifetime is delegation.token.expiry.time.ms: how long a token lives that is not renewed.
	Lifetime time.Duration
	// SweepEvery is delegation.token.expiry.check.interval.ms.
	SweepEvery time.Duration
}

// Run takes delegation tokens away that have expired, until ctx ends.
func (s *Security) Run(ctx context.Context) error {
	if s.tokens.Secret == "" {
		return nil
	}
	every := time.NewTicker(max(s.tokens.SweepEvery, time.Millisecond))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-every.C:
			s.sweepTokens(now)
		}
	}
}

func (s *Security) sweepTokens(now time.Time) {
	s.tokenMu.Lock()
	defer s.tokenMu.Unlock()
	for _, t := range s.metadata.Image().DelegationTokens() {
		if !t.Expired(now) {
			continue
		}
		if _, err := s.metadata.Propose([]metadata.Record{&metadata.RemoveDelegationTokenRecord{ID: t.ID}}); err != nil {
			s.log.Error("remove expired delegation token", "token", t.ID, "err", err)
			return
		}
		s.log.Info("delegation token expired", "token", t.ID, "owner", t.Owner)
	}
}

// tokenAccess refuses requests for tokens of clients that did not prove who they are, or did so by a token.
func (s *Security) tokenAccess(c *server.Conn) error {
	l, _ := c.LoginState().(*login)
	who := c.Principal()
	if l != nil && l.token || !c.SASL() && (who == security.Anonymous || who == security.Internal) {
		return kerr.DelegationTokenRequestNotAllowed
	}
	return nil
}

// tokensEnabled refuses everything where there is no secret.
func (s *Security) tokensEnabled() error {
	if s.tokens.Secret == "" {
		return kerr.DelegationTokenAuthDisabled
	}
	return nil
}

// tokenOf finds the token that a client has shown, which must be its own or one that it may renew.
func (s *Security) tokenOf(c *server.Conn, mac []byte) (*metadata.DelegationToken, error) {
	for _, t := range s.metadata.Image().DelegationTokens() {
		if !hmac.Equal(security.TokenMAC(s.tokens.Secret, t.ID), mac) {
			continue
		}
		if !t.OwnerOrRenewer(c.Principal()) {
			return nil, kerr.DelegationTokenOwnerMismatch
		}
		return t, nil
	}
	return nil, kerr.DelegationTokenNotFound
}

// extendToken has a token expire after period, within its latest time.
func (s *Security) extendToken(t *metadata.DelegationToken, period time.Duration, now time.Time) (time.Time, error) {
	if t.Expired(now) {
		return time.Time{}, kerr.DelegationTokenExpired
	}
	changed := *t
	changed.Expires = earlier(now.Add(period), t.Max)
	_, err := s.metadata.Propose([]metadata.Record{&metadata.DelegationTokenRecord{Token: changed}})
	return changed.Expires, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// period reads milliseconds of a request: at most the longest, for which negative ones stand too.
func period(millis int64, longest time.Duration) time.Duration {
	if millis < 0 {
		return longest
	}
	return time.Duration(min(millis, longest.Milliseconds())) * time.Millisecond
}

// principalOf joins the parts of a principal, of which clients may only name users.
func principalOf(kind, name string) (string, error) {
	if kind != "User" || name == "" {
		return "", fmt.Errorf("principal %s:%s: %w", kind, name, kerr.InvalidPrincipalType)
	}
	return kind + ":" + name, nil
}

// parts takes a principal apart.
func parts(principal string) (kind, name string) {
	kind, name, _ = strings.Cut(principal, ":")
	return kind, name
}

// mayMakeFor tells whether a client may make tokens for another user, and mayList whether it may see another user's.
func (a *access) mayMakeFor(owner string) bool {
	return a.may(kmsg.ACLOperationCreateTokens, kmsg.ACLResourceTypeUser, owner)
}

func (a *access) maySee(t *metadata.DelegationToken) bool {
	return t.OwnerOrRenewer(a.who()) || a.may(kmsg.ACLOperationDescribe, kmsg.ACLResourceTypeDelegationToken, t.ID) ||
		a.may(kmsg.ACLOperationDescribeTokens, kmsg.ACLResourceTypeUser, t.Owner)
}

func (a *access) who() string { return a.conn.Principal() }
