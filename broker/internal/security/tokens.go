package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"time"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// TokenMAC is what proves that one has a delegation token: an HMAC of its id with delegation.token.secret.key.
func TokenMAC(secret, id string) []byte {
	m := hmac.New(sha512.New, []byte(secret))
	m.Write([]byte(id))
	return m.Sum(nil)
}

// TokenLookup finds the delegation token of an id.
type TokenLookup func(id string) (*metadata.DelegationToken, bool)

// NewScramWithTokens is NewScram that also lets in who has a delegation token: the user name is then the token's id, and the
// password its HMAC in base64. secret is delegation.token.secret.key.
func NewScramWithTokens(m metadata.ScramMechanism, lookup func(user string) (metadata.ScramCredential, bool), secret string, tokens TokenLookup) Mechanism {
	s := NewScram(m, lookup).(*scramMechanism)
	s.tokens, s.tokenSecret = tokens, secret
	return s
}

// tokenCredential makes the credential of a token. A token that does not exist costs the same work, and no password fits.
func (m *scramMechanism) tokenCredential(id string) (metadata.ScramCredential, *metadata.DelegationToken) {
	token, ok := m.tokens(id)
	if ok && token.Expired(time.Now()) {
		ok = false
	}
	password := base64.StdEncoding.EncodeToString(TokenMAC(m.tokenSecret, id))
	if !ok {
		password, token = rand.Text(), nil
	}
	salt := make([]byte, 24)
	rand.Read(salt) // never fails
	c, err := NewScramCredential(m.mechanism, password, salt, MinScramIterations)
	if err != nil {
		return metadata.ScramCredential{}, nil // which lets nobody in
	}
	return c, token
}
