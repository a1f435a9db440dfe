package security

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"unicode/utf8"
)

// plainMechanism is SASL PLAIN (RFC 4616): the client sends its password.
type plainMechanism struct{ users map[string][sha256.Size]byte }

// NewPlain makes PLAIN with these users and passwords.
func NewPlain(passwords map[string]string) Mechanism {
	m := plainMechanism{users: make(map[string][sha256.Size]byte, len(passwords))}
	for user, password := range passwords {
		m.users[user] = sha256.Sum256([]byte(password))
	}
	return m
}

func (plainMechanism) Name() string      { return Plain }
func (m plainMechanism) Begin() Exchange { return m }

// Step takes [authzid] NUL user NUL password. All passwords are compared by their hashes, so that the time tells
// neither how long one is nor whether the user exists.
func (m plainMechanism) Step(message []byte) ([]byte, *Identity, error) {
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || !utf8.Valid(message) {
		return nil, nil, fail("Invalid SASL/PLAIN response: expected 3 tokens")
	}
	authzid, user, password := parts[0], string(parts[1]), parts[2]
	switch {
	case user == "":
		return nil, nil, fail("Authentication failed: username not specified")
	case len(password) == 0:
		return nil, nil, fail("Authentication failed: password not specified")
	case len(authzid) > 0 && string(authzid) != user:
		return nil, nil, fail("Authentication failed: Client requested an authorization id that is different from username")
	}
	given := sha256.Sum256(password)
	want, known := m.users[user]
	if equal := subtle.ConstantTimeCompare(given[:], want[:]); equal != 1 || !known {
		return nil, nil, fail("Authentication failed: Invalid username or password")
	}
	return []byte{}, &Identity{Principal: "User:" + user}, nil
}
