package security

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The bounds of a token: a client may send no more before it is known.
const (
	maxTokenBytes = 32 << 10
	maxSubject    = 1024
)

// OAuthConfig says which tokens OAUTHBEARER accepts.
type OAuthConfig struct {
	// Keys verifies signatures. Nil accepts tokens without a signature, which prove nothing: for development.
	Keys *KeySet
	// Issuer is the iss that a token must have; empty: any. sasl.oauthbearer.expected.issuer.
	Issuer string
	// Audience holds what a token's aud must have one of; empty: any. sasl.oauthbearer.expected.audience.
	Audience []string
	// SubjectClaim names the claim with the user: sasl.oauthbearer.sub.claim.name. Empty: sub.
	SubjectClaim string
	// ScopeClaim names the claim with the scope: sasl.oauthbearer.scope.claim.name. Empty: scope.
	ScopeClaim string
	// RequiredScope are scopes that a token must have all of.
	RequiredScope []string
	// ClockSkew is by how much clocks may differ: sasl.oauthbearer.clock.skew.seconds.
	ClockSkew time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// NewOAuthBearer makes OAUTHBEARER (RFC 7628).
func NewOAuthBearer(c OAuthConfig) Mechanism {
	if c.SubjectClaim == "" {
		c.SubjectClaim = "sub"
	}
	if c.ScopeClaim == "" {
		c.ScopeClaim = "scope"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &oauthMechanism{c}
}

type oauthMechanism struct{ OAuthConfig }

func (*oauthMechanism) Name() string      { return OAuthBearer }
func (m *oauthMechanism) Begin() Exchange { return &oauthExchange{mechanism: m} }

type oauthExchange struct {
	mechanism *oauthMechanism
	refused   bool
}

// Step takes gs2-header ^A auth=Bearer token ^A ... ^A ^A. A token that is refused is answered with a message first;
// the client acknowledges it, and the login fails then.
func (x *oauthExchange) Step(message []byte) ([]byte, *Identity, error) {
	if x.refused {
		return nil, nil, fail(`Authentication failed during authentication due to invalid token with SASL mechanism OAUTHBEARER`)
	}
	authzid, token, err := parseBearer(message)
	if err != nil {
		return nil, nil, err
	}
	id, err := x.mechanism.verify(token)
	if err != nil {
		x.refused = true
		return []byte(`{"status":"invalid_token"}`), nil, nil
	}
	if authzid != "" && "User:"+authzid != id.Principal {
		return nil, nil, fail("Authentication failed: Client requested an authorization id that is different from the token's principal name")
	}
	return []byte{}, id, nil
}

func parseBearer(message []byte) (authzid, token string, err error) {
	invalid := fail("Invalid OAUTHBEARER client first message")
	header, rest, ok := bytes.Cut(message, []byte{1})
	gs2 := strings.Split(string(header), ",")
	if !ok || len(message) > maxTokenBytes || len(gs2) != 3 || gs2[0] != "n" && gs2[0] != "y" || gs2[2] != "" {
		return "", "", invalid
	}
	if gs2[1] != "" {
		if authzid, ok = unescape(strings.CutPrefix(gs2[1], "a=")); !ok {
			return "", "", invalid
		}
	}
	if !bytes.HasSuffix(rest, []byte{1, 1}) {
		return "", "", invalid
	}
	for pair := range bytes.SplitSeq(rest[:len(rest)-2], []byte{1}) {
		key, value, ok := strings.Cut(string(pair), "=")
		if !ok {
			return "", "", invalid
		}
		if key != "auth" {
			continue // an extension (KIP-342), which nobody here asks for
		}
		scheme, bearer, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "bearer") || token != "" {
			return "", "", invalid
		}
		token = strings.TrimSpace(bearer)
	}
	if token == "" {
		return "", "", invalid
	}
	return authzid, token, nil
}

var errToken = errors.New("token is not valid")

// verify checks a JSON web token in its compact form.
func (m *oauthMechanism) verify(token string) (*Identity, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errToken
	}
	var header struct {
		Alg  string   `json:"alg"`
		Kid  string   `json:"kid"`
		Crit []string `json:"crit"`
	}
	if err := decodePart(parts[0], &header); err != nil {
		return nil, err
	}
	if len(header.Crit) > 0 {
		return nil, fmt.Errorf("%w: it has extensions that must be understood", errToken)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, errToken
	}
	switch {
	case m.Keys != nil:
		err = m.Keys.Verify(header.Alg, header.Kid, parts[0]+"."+parts[1], signature)
	case header.Alg != "none" || len(signature) > 0:
		err = fmt.Errorf("%w: only tokens without a signature are accepted here", errToken)
	}
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := decodePart(parts[1], &claims); err != nil {
		return nil, err
	}
	return m.claims(claims)
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return errToken
	}
	if err := json.Unmarshal(text, into); err != nil {
		return errToken
	}
	return nil
}

// claims checks what a token says, and reads who it speaks of.
func (m *oauthMechanism) claims(c map[string]any) (*Identity, error) {
	user, _ := c[m.SubjectClaim].(string)
	if user == "" || len(user) > maxSubject {
		return nil, fmt.Errorf("%w: claim %s", errToken, m.SubjectClaim)
	}
	now := m.Now()
	expires, ok := instant(c["exp"])
	if !ok || !now.Before(expires.Add(m.ClockSkew)) {
		return nil, fmt.Errorf("%w: claim exp", errToken)
	}
	for _, claim := range []string{"nbf", "iat"} {
		if c[claim] == nil {
			continue
		}
		if from, ok := instant(c[claim]); !ok || now.Before(from.Add(-m.ClockSkew)) || !expires.After(from) {
			return nil, fmt.Errorf("%w: claim %s", errToken, claim)
		}
	}
	if m.Issuer != "" && c["iss"] != m.Issuer {
		return nil, fmt.Errorf("%w: claim iss", errToken)
	}
	audience, ok := texts(c["aud"], false)
	if len(m.Audience) > 0 && (!ok || !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(m.Audience, a) })) {
		return nil, fmt.Errorf("%w: claim aud", errToken)
	}
	scope, ok := texts(c[m.ScopeClaim], true)
	if !ok && c[m.ScopeClaim] != nil {
		return nil, fmt.Errorf("%w: claim %s", errToken, m.ScopeClaim)
	}
	for _, want := range m.RequiredScope {
		if !slices.Contains(scope, want) {
			return nil, fmt.Errorf("%w: claim %s", errToken, m.ScopeClaim)
		}
	}
	return &Identity{Principal: "User:" + user, Expires: expires}, nil
}

// instant reads seconds since 1970.
func instant(v any) (time.Time, bool) {
	seconds, ok := v.(float64)
	if !ok || math.IsNaN(seconds) || seconds < 0 || seconds > 1e11 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)), true
}

// texts reads a text or an array of them. A scope in one text is a list with blanks.
func texts(v any, words bool) ([]string, bool) {
	switch v := v.(type) {
	case string:
		if words {
			return strings.Fields(v), true
		}
		return []string{v}, true
	case []any:
		all := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			all = append(all, s)
		}
		return all, true
	}
	return nil, false
}
