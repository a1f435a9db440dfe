package security

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// The bounds of the iterations of a SCRAM credential: fewer are too easy to guess, more are work that a client could
// make every other client do.
const (
	MinScramIterations = 4096
	MaxScramIterations = 16384
)

// maxScramMessage bounds the messages of a client.
const maxScramMessage = 8 << 10

func scramHash(m metadata.ScramMechanism) func() hash.Hash {
	if m == metadata.ScramSHA512 {
		return sha512.New
	}
	return sha256.New
}

// NewScramCredential derives what the server keeps from a password.
func NewScramCredential(m metadata.ScramMechanism, password string, salt []byte, iterations int) (metadata.ScramCredential, error) {
	h := scramHash(m)
	salted, err := pbkdf2.Key(h, password, salt, iterations, h().Size())
	if err != nil {
		return metadata.ScramCredential{}, fmt.Errorf("derive %v credential: %w", m, err)
	}
	return SaltedScramCredential(m, salted, salt, iterations), nil
}

// SaltedScramCredential derives it from the salted password, which is what AlterUserScramCredentials carries.
func SaltedScramCredential(m metadata.ScramMechanism, salted, salt []byte, iterations int) metadata.ScramCredential {
	h := scramHash(m)
	stored := h()
	stored.Write(mac(h, salted, "Client Key"))
	return metadata.ScramCredential{
		Salt: bytes.Clone(salt), Iterations: int32(iterations),
		StoredKey: stored.Sum(nil), ServerKey: mac(h, salted, "Server Key"),
	}
}

func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// scramMechanism is SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password without sending it.
type scramMechanism struct {
	mechanism metadata.ScramMechanism
	lookup    func(user string) (metadata.ScramCredential, bool)
	secret    []byte // makes the salts of users who do not exist

	tokens      TokenLookup // nil: there are no delegation tokens
	tokenSecret string
}

// NewScram makes one of the two mechanisms of SCRAM. lookup finds a user's credential.
func NewScram(m metadata.ScramMechanism, lookup func(user string) (metadata.ScramCredential, bool)) Mechanism {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	return &scramMechanism{mechanism: m, lookup: lookup, secret: secret}
}

func (m *scramMechanism) Name() string    { return m.mechanism.String() }
func (m *scramMechanism) Begin() Exchange { return &scramExchange{mechanism: m} }

// credential is a user's, or one that looks like it and that no password fits.
func (m *scramMechanism) credential(user string) (metadata.ScramCredential, bool) {
	c, ok := m.lookup(user)
	h := scramHash(m.mechanism)
	fake := mac(h, m.secret, user)
	if ok {
		return c, true
	}
	return metadata.ScramCredential{Salt: fake[:24], StoredKey: fake, ServerKey: fake, Iterations: MinScramIterations}, false
}

type scramExchange struct {
	mechanism *scramMechanism
	first     bool // the first message was answered
	over      bool

	user, header, bare, nonce, reply string
	credential                       metadata.ScramCredential
	known                            bool
	token                            *metadata.DelegationToken // nil: the user logs in by a password
}

// Step takes the client's first message, then its last.
func (x *scramExchange) Step(message []byte) (answer []byte, id *Identity, err error) {
	switch {
	case x.over || len(message) > maxScramMessage:
		err = x.invalid()
	case !x.first:
		answer, err = x.begin(string(message))
	default:
		answer, id, err = x.finish(string(message))
	}
	x.over = err != nil || id != nil
	return answer, id, err
}

// invalid is the one error of all failed logins.
func (x *scramExchange) invalid() error {
	return fail("Authentication failed during authentication due to invalid credentials with SASL mechanism " + x.mechanism.Name())
}

// begin reads gs2-header, n=user,r=nonce and answers r=nonce,s=salt,i=iterations.
func (x *scramExchange) begin(message string) ([]byte, error) {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" { // p=: channel binding, which we do not offer
		return nil, x.invalid()
	}
	x.header, x.bare = message[:len(message)-len(parts[2])], parts[2]
	fields := strings.Split(x.bare, ",")
	if len(fields) < 2 {
		return nil, x.invalid()
	}
	user, okUser := unescape(strings.CutPrefix(fields[0], "n="))
	nonce, okNonce := strings.CutPrefix(fields[1], "r=")
	if !okUser || !okNonce || user == "" || !printable(nonce) {
		return nil, x.invalid()
	}
	if parts[1] != "" {
		if as, ok := unescape(strings.CutPrefix(parts[1], "a=")); !ok || as != user {
			return nil, fail("Authentication failed: Client requested an authorization id that is different from username")
		}
	}
	byToken := false
	for _, extension := range fields[2:] {
		byToken = byToken || strings.EqualFold(extension, "tokenauth=true")
		if strings.HasPrefix(extension, "m=") || byToken && x.mechanism.tokens == nil { // what we must understand and do not
			return nil, x.invalid()
		}
	}
	x.user, x.first = user, true
	if byToken {
		x.credential, x.token = x.mechanism.tokenCredential(user)
		x.known = x.token != nil
	} else {
		x.credential, x.known = x.mechanism.credential(user)
	}
	x.nonce = nonce + rand.Text()
	x.reply = fmt.Sprintf("r=%s,s=%s,i=%d", x.nonce, base64.StdEncoding.EncodeToString(x.credential.Salt), x.credential.Iterations)
	return []byte(x.reply), nil
}

// finish reads c=header,r=nonce,p=proof and answers v=signature.
func (x *scramExchange) finish(message string) ([]byte, *Identity, error) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return nil, nil, x.invalid()
	}
	without := message[:at]
	proof, err := base64.StdEncoding.DecodeString(message[at+len(",p="):])
	fields := strings.Split(without, ",")
	h := scramHash(x.mechanism.mechanism)
	size := h().Size()
	if err != nil || len(proof) != size || len(x.credential.StoredKey) != size || len(fields) < 2 ||
		fields[0] != "c="+base64.StdEncoding.EncodeToString([]byte(x.header)) || fields[1] != "r="+x.nonce {
		return nil, nil, x.invalid()
	}
	signed := x.bare + "," + x.reply + "," + without
	key := mac(h, x.credential.StoredKey, signed)
	subtle.XORBytes(key, key, proof)
	stored := h()
	stored.Write(key)
	if subtle.ConstantTimeCompare(stored.Sum(nil), x.credential.StoredKey) != 1 || !x.known {
		return nil, nil, x.invalid()
	}
	signature := mac(h, x.credential.ServerKey, signed)
	id := &Identity{Principal: "User:" + x.user}
	if x.token != nil {
		id = &Identity{Principal: x.token.Owner, Expires: x.token.Expires, Token: true}
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(signature)), id, nil
}

// unescape reads a name in which commas and equal signs are written as =2C and =3D.
func unescape(name string, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, "=")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), true
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		name = after[2:]
	}
}

// printable tells whether s may be a nonce: printable ASCII without a comma.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' || s[i] == ',' {
			return false
		}
	}
	return s != ""
}
