package security

import (
	"errors"
	"time"
)

// The mechanisms, by their names in SASL.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Anonymous is the principal of clients that did not log in.
const Anonymous = "User:ANONYMOUS"

// ErrAuthentication is what a login fails with, whatever is wrong with it: an error that wraps it has a text that the
// client may see.
var ErrAuthentication = errors.New("authentication failed")

// Identity is who a client has proved to be.
type Identity struct {
	// Principal is its name for ACLs: User:alice.
	Principal string
	// Expires is when the proof ends; zero: never.
	Expires time.Time
	// Token says that the proof was a delegation token, which gives no right to make or see tokens.
	Token bool
}

// Mechanism makes exchanges. It is safe for concurrent use.
type Mechanism interface {
	// Name is the name of the mechanism in SASL.
	Name() string
	// Begin starts the login of one client.
	Begin() Exchange
}

// Exchange is the login of one client. It is not safe for concurrent use.
type Exchange interface {
	// Step takes the client's next message and returns the answer. id is not nil when the client has proved who it is;
	// the exchange is over then, as it is after an error. Every error wraps ErrAuthentication.
	Step(message []byte) (answer []byte, id *Identity, err error)
}

// failure is a failed login with the text that the client sees.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return ErrAuthentication }

func fail(text string) error { return &failure{text} }
