package handler

import (
	"cmp"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// SecurityConfig is what the handlers of security work on.
type SecurityConfig struct {
	// Metadata holds ACLs and credentials, and takes changes. Required.
	Metadata metadata.Controller
	// Authorizer decides who may do what. Nil: everybody everything, and there are no ACLs.
	Authorizer *security.Authorizer
	// Mechanisms returns the SASL mechanisms of a listener, in the order in which clients are told of them. Nil: none.
	Mechanisms func(listener string) []security.Mechanism
	// MaxReauth is connections.max.reauth.ms of a listener: how long a login counts at most; 0: for ever. Nil: 0.
	MaxReauth func(listener string) time.Duration
	// AutoCreate tells whether a request for metadata may create topics: auto.create.topics.enable. Nil: yes.
	AutoCreate func() bool
	// FailureDelay is connection.failed.authentication.delay.ms.
	FailureDelay time.Duration
	// Tokens says how long delegation tokens live.
	Tokens TokenConfig
	// Logger takes refused logins and changes of ACLs and credentials. Nil: slog.Default.
	Logger *slog.Logger
}

// Security serves SASL, ACLs and SCRAM credentials, and guards all other APIs.
type Security struct {
	metadata     metadata.Controller
	authorizer   *security.Authorizer
	mechanisms   func(listener string) []security.Mechanism
	maxReauth    func(listener string) time.Duration
	autoCreate   func() bool
	failureDelay time.Duration
	tokens       TokenConfig
	log          *slog.Logger

	tokenMu sync.Mutex // held while a token is looked at and changed
}

// NewSecurity makes the handlers.
func NewSecurity(c SecurityConfig) *Security {
	s := &Security{
		metadata: c.Metadata, authorizer: c.Authorizer, mechanisms: c.Mechanisms, maxReauth: c.MaxReauth, autoCreate: c.AutoCreate,
		failureDelay: c.FailureDelay, tokens: c.Tokens, log: cmp.Or(c.Logger, slog.Default()),
	}
	if s.mechanisms == nil {
		s.mechanisms = func(string) []security.Mechanism { return nil }
	}
	if s.autoCreate == nil {
		s.autoCreate = func() bool { return true }
	}
	if s.maxReauth == nil {
		s.maxReauth = func(string) time.Duration { return 0 }
	}
	return s
}

// securityRoutes are the APIs of security itself.
func securityRoutes(s *Security) []server.Route {
	return []server.Route{
		server.On(0, 1, s.saslHandshake),
		server.On(0, 2, s.saslAuthenticate),
		server.On(0, 3, s.describeACLs),
		server.On(0, 3, s.createACLs),
		server.On(0, 3, s.deleteACLs),
		server.On(0, 0, s.describeScramCredentials),
		server.On(0, 0, s.alterScramCredentials),
		server.On(0, 3, s.createToken),
		server.On(0, 2, s.renewToken),
		server.On(0, 2, s.expireToken),
		server.On(0, 3, s.describeTokens),
	}
}

// access is what one request may do: the rules of one image, and who asks.
type access struct {
	rules     *security.Rules // nil: there is no authorizer
	img       *metadata.Image
	conn      *server.Conn
	principal string
	host      string

	autoCreates bool // auto.create.topics.enable
}

// access returns what c may do. s may be nil: everything.
func (s *Security) access(img *metadata.Image, c *server.Conn) *access {
	a := &access{img: img, conn: c}
	if s != nil && s.authorizer != nil {
		a.rules = s.authorizer.At(img)
		a.principal, a.host = c.Principal(), address(c.RemoteAddr())
		a.autoCreates = s.autoCreate()
	}
	return a
}

// address is the text that hosts of ACLs are compared with.
func address(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// may tells whether the client may do op to a resource.
func (a *access) may(op kmsg.ACLOperation, typ kmsg.ACLResourceType, name string) bool {
	return a.rules == nil || a.rules.Allows(a.principal, a.host, op, typ, name)
}

func (a *access) topic(op kmsg.ACLOperation, name string) bool {
	return a.may(op, kmsg.ACLResourceTypeTopic, name)
}

func (a *access) group(op kmsg.ACLOperation, name string) bool {
	return a.may(op, kmsg.ACLResourceTypeGroup, name)
}

func (a *access) cluster(op kmsg.ACLOperation) bool {
	return a.may(op, kmsg.ACLResourceTypeCluster, metadata.ClusterName)
}

func (a *access) transaction(op kmsg.ACLOperation, id string) bool {
	return a.may(op, kmsg.ACLResourceTypeTransactionalId, id)
}

// operations is the bit field of what the client may do to a resource.
func (a *access) operations(typ kmsg.ACLResourceType, name string) int32 {
	return security.Operations(typ, func(op kmsg.ACLOperation) bool { return a.may(op, typ, name) })
}
