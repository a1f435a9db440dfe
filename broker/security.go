package broker

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/handler"
	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// guarding is what the configuration says of who clients are and what they may do.
type guarding struct {
	authorizer *security.Authorizer // nil: everybody may do everything
	listeners  map[string]*listenerGuard
}

// listenerGuard is how one listener knows its clients.
type listenerGuard struct {
	certificates *security.Certificates // nil: no TLS
	clientCerts  bool                   // every client has shown a certificate
	rules        *security.PrincipalRules
	maxReauth    time.Duration
	fixed        []security.Mechanism      // PLAIN, OAUTHBEARER
	scram        []metadata.ScramMechanism // need the metadata
	order        []string                  // all of them, as in sasl.enabled.mechanisms
}

// guarding reads the keys of security, and the files that they name.
func (s *settings) guarding() (*guarding, error) {
	g := &guarding{listeners: make(map[string]*listenerGuard)}
	switch class := s.text("authorizer.class.name"); class {
	case "":
	case security.StandardAuthorizer:
		g.authorizer = security.NewAuthorizer(security.AuthorizerConfig{
			SuperUsers:      security.ParseSuperUsers(s.text("super.users")),
			AllowWithoutACL: s.layers.Bool(configdef.Broker, "allow.everyone.if.no.acl.found"),
		})
	default:
		return nil, fmt.Errorf("authorizer.class.name: %s is not supported, %s is", class, security.StandardAuthorizer)
	}
	var errs []error
	for i := range s.endpoints {
		e := &s.endpoints[i]
		l, err := s.listenerGuard(e)
		if err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", e.name, err))
			continue
		}
		g.listeners[e.name] = l
	}
	return g, errors.Join(errs...)
}

func (s *settings) listenerGuard(e *endpoint) (l *listenerGuard, err error) {
	l = &listenerGuard{}
	if e.protocol.TLS() {
		l.clientCerts = e.protocol == server.SSL && s.listenerText(e, "ssl.client.auth") == "required"
		if l.certificates, err = s.certificates(e); err != nil {
			return nil, err
		}
		if l.rules, err = security.ParsePrincipalRules(s.listenerText(e, "ssl.principal.mapping.rules")); err != nil {
			return nil, err
		}
	}
	if e.protocol.SASL() {
		l.maxReauth = milliseconds(s.listenerLayers(e).Int64(configdef.Broker, "connections.max.reauth.ms"))
		err = s.mechanisms(e, l)
	}
	return l, err
}

// certificates reads the TLS keys of a listener.
func (s *settings) certificates(e *endpoint) (*security.Certificates, error) {
	text := func(key string) string { return s.listenerText(e, key) }
	list := func(key string) []string { return s.listenerLayers(e).List(configdef.Broker, key) }
	for _, store := range []string{"ssl.keystore", "ssl.truststore"} {
		if kind := text(store + ".type"); text(store+".location") != "" && !strings.EqualFold(kind, "PEM") {
			return nil, fmt.Errorf("%s.type: %s is not supported, PEM is", store, kind)
		}
	}
	clientAuth := text("ssl.client.auth")
	if e.protocol == server.SASLSSL {
		clientAuth = s.static[listenerPrefix(e)+"ssl.client.auth"] // Kafka: with SASL only if it is asked for by name
	}
	return security.NewCertificates(security.TLSConfig{
		KeyStoreFile: text("ssl.keystore.location"), Key: text("ssl.keystore.key"), Chain: text("ssl.keystore.certificate.chain"),
		KeyPassword:    text("ssl.key.password"),
		TrustStoreFile: text("ssl.truststore.location"), Trusted: text("ssl.truststore.certificates"),
		ClientAuth: clientAuth, Protocols: list("ssl.enabled.protocols"), CipherSuites: list("ssl.cipher.suites"),
		Logger: s.log.With("listener", e.name),
	})
}

// mechanisms reads the SASL keys of a listener.
func (s *settings) mechanisms(e *endpoint, l *listenerGuard) error {
	for _, name := range s.listenerLayers(e).List(configdef.Broker, "sasl.enabled.mechanisms") {
		var err error
		switch name {
		case security.Plain:
			err = s.plain(e, l)
		case security.ScramSHA256:
			l.scram = append(l.scram, metadata.ScramSHA256)
		case security.ScramSHA512:
			l.scram = append(l.scram, metadata.ScramSHA512)
		case security.OAuthBearer:
			err = s.oauth(e, l)
		default:
			err = fmt.Errorf("sasl.enabled.mechanisms: %s is not supported: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are", name)
		}
		if err != nil {
			return err
		}
		l.order = append(l.order, name)
	}
	if len(l.order) == 0 {
		return errors.New("sasl.enabled.mechanisms is empty")
	}
	return nil
}

// jaas reads the login configuration of a mechanism.
func (s *settings) jaas(e *endpoint, mechanism string) (j security.JAAS, given bool, err error) {
	key := listenerPrefix(e) + strings.ToLower(mechanism) + ".sasl.jaas.config"
	text, given := s.static[key]
	if !given {
		return j, false, nil
	}
	if j, err = security.ParseJAAS(text); err != nil {
		err = fmt.Errorf("%s: %w", key, err)
	}
	return j, true, err
}

func (s *settings) plain(e *endpoint, l *listenerGuard) error {
	j, given, err := s.jaas(e, security.Plain)
	switch {
	case err != nil:
		return err
	case !given:
		return fmt.Errorf("PLAIN needs %splain.sasl.jaas.config with its users", listenerPrefix(e))
	case j.Module != "PlainLoginModule":
		return fmt.Errorf("%splain.sasl.jaas.config: module %s, want PlainLoginModule", listenerPrefix(e), j.Module)
	}
	l.fixed = append(l.fixed, security.NewPlain(j.Users()))
	return nil
}

// unsecuredHandler is the class whose name says that tokens without a signature are wanted.
const unsecuredHandler = "OAuthBearerUnsecuredValidatorCallbackHandler"

func (s *settings) oauth(e *endpoint, l *listenerGuard) error {
	text := func(key string) string { // of the mechanism, the listener, or all
		if v, ok := s.static[listenerPrefix(e)+"oauthbearer."+key]; ok {
			return v
		}
		return s.listenerText(e, key)
	}
	layers := s.listenerLayers(e)
	c := security.OAuthConfig{
		Issuer: text("sasl.oauthbearer.expected.issuer"), Audience: layers.List(configdef.Broker, "sasl.oauthbearer.expected.audience"),
		SubjectClaim: text("sasl.oauthbearer.sub.claim.name"), ScopeClaim: text("sasl.oauthbearer.scope.claim.name"),
		ClockSkew: time.Duration(layers.Int64(configdef.Broker, "sasl.oauthbearer.clock.skew.seconds")) * time.Second,
	}
	address := text("sasl.oauthbearer.jwks.endpoint.url")
	unsecured := strings.HasSuffix(text("sasl.server.callback.handler.class"), unsecuredHandler)
	switch {
	case address != "":
		refresh := milliseconds(layers.Int64(configdef.Broker, "sasl.oauthbearer.jwks.endpoint.refresh.ms"))
		keys, err := security.NewKeySet(address, refresh)
		if err != nil {
			return fmt.Errorf("sasl.oauthbearer.jwks.endpoint.url: %w", err)
		}
		c.Keys = keys
	case !unsecured:
		return fmt.Errorf("OAUTHBEARER needs sasl.oauthbearer.jwks.endpoint.url, or a sasl.server.callback.handler.class of %s if tokens prove nothing", unsecuredHandler)
	default:
		s.log.Warn("tokens without a signature are accepted: every client can be whom it likes", "listener", e.name)
		j, _, err := s.jaas(e, security.OAuthBearer)
		if err != nil {
			return err
		}
		if claim := j.Options["unsecuredValidatorPrincipalClaimName"]; claim != "" {
			c.SubjectClaim = claim
		}
		if claim := j.Options["unsecuredValidatorScopeClaimName"]; claim != "" {
			c.ScopeClaim = claim
		}
		c.RequiredScope = strings.Fields(j.Options["unsecuredValidatorRequiredScope"])
	}
	l.fixed = append(l.fixed, security.NewOAuthBearer(c))
	return nil
}

func listenerPrefix(e *endpoint) string { return "listener.name." + strings.ToLower(e.name) + "." }

// listenerText is a value for one listener: listener.name.NAME.key, or key for all.
func (s *settings) listenerText(e *endpoint, key string) string {
	return s.listenerLayers(e).Text(configdef.Broker, key)
}

// listenerLayers has the values of one listener over those of all.
func (s *settings) listenerLayers(e *endpoint) configdef.Layers {
	own := make(map[string]string)
	for name, value := range s.static {
		if key, ok := strings.CutPrefix(name, listenerPrefix(e)); ok {
			own[key] = value
		}
	}
	return configdef.Layers{DynamicBroker: own, Static: s.static}
}

// secure completes a listener of the server.
func (g *guarding) secure(l *server.Listener, s *settings) {
	own := g.listeners[l.Name]
	if own.certificates != nil {
		l.TLS = own.certificates.Config()
		l.TLSPrincipal = func(t tls.ConnectionState) (string, error) {
			if len(t.PeerCertificates) == 0 {
				return security.Anonymous, nil
			}
			return own.rules.Principal(t.PeerCertificates[0])
		}
	}
	if _, given := s.static["sasl.server.max.receive.size"]; given {
		l.MaxLoginBytes = int32(s.number("sasl.server.max.receive.size"))
	}
}

// handlers makes the handlers of security.
func (g *guarding) handlers(s *settings, controller metadata.Controller) *handler.Security {
	tokens := handler.TokenConfig{
		Secret:      cmp.Or(s.text("delegation.token.secret.key"), s.text("delegation.token.master.key")),
		MaxLifetime: milliseconds(s.number("delegation.token.max.lifetime.ms")),
		Lifetime:    milliseconds(s.number("delegation.token.expiry.time.ms")),
		SweepEvery:  milliseconds(s.number("delegation.token.expiry.check.interval.ms")),
	}
	mechanisms := make(map[string][]security.Mechanism)
	for name, l := range g.listeners {
		mechanisms[name] = l.mechanisms(controller, tokens)
	}
	return handler.NewSecurity(handler.SecurityConfig{
		Metadata: controller, Authorizer: g.authorizer, Tokens: tokens, Logger: s.log,
		Mechanisms: func(listener string) []security.Mechanism { return mechanisms[listener] },
		MaxReauth: func(listener string) time.Duration {
			if l := g.listeners[listener]; l != nil {
				return l.maxReauth
			}
			return 0
		},
		AutoCreate:   func() bool { return s.layers.Bool(configdef.Broker, "auto.create.topics.enable") },
		FailureDelay: milliseconds(s.number("connection.failed.authentication.delay.ms")),
	})
}

// mechanisms lists those of a listener in the order of its configuration.
func (l *listenerGuard) mechanisms(controller metadata.Controller, tokens handler.TokenConfig) []security.Mechanism {
	all := append([]security.Mechanism(nil), l.fixed...)
	for _, m := range l.scram {
		lookup := func(user string) (metadata.ScramCredential, bool) {
			return controller.Image().ScramCredential(metadata.ScramUser{Name: user, Mechanism: m})
		}
		if tokens.Secret == "" {
			all = append(all, security.NewScram(m, lookup))
			continue
		}
		all = append(all, security.NewScramWithTokens(m, lookup, tokens.Secret, func(id string) (*metadata.DelegationToken, bool) {
			return controller.Image().DelegationToken(id)
		}))
	}
	ordered := make([]security.Mechanism, 0, len(all))
	for _, name := range l.order {
		for _, m := range all {
			if m.Name() == name {
				ordered = append(ordered, m)
			}
		}
	}
	return ordered
}

// pipePrincipal is who the clients of Dialer are: the program itself, which may do everything.
func (g *guarding) pipePrincipal() string {
	if g.authorizer != nil {
		return security.Internal
	}
	return security.Anonymous
}

// ReloadCertificates reads the certificates of all listeners again, as SIGHUP asks for. Files that change are noticed
// without it when the next client connects. Where it fails the old certificates stay.
func (b *Broker) ReloadCertificates() error {
	var errs []error
	for name, l := range b.set.guards.listeners {
		if l.certificates == nil {
			continue
		}
		if err := l.certificates.Reload(); err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
