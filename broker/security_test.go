package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const plainUsers = `org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="admin-secret" user_admin="admin-secret" user_alice="alice-secret";`

// authority makes certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
	next int64
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, next: 1}
	a.cert, a.key, a.pem = a.issue("authority", true)
	return a
}

func (a *authority) issue(name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey, string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(a.t, err)
	a.next++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name, OrganizationalUnit: []string{"unit"}, Organization: []string{"chortal"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: ca,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if ca {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	ok(a.t, err)
	cert, err := x509.ParseCertificate(der)
	ok(a.t, err)
	return cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// store is a key with its certificate in PEM.
func (a *authority) store(name string) string {
	_, key, cert := a.issue(name, false)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ok(a.t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) + cert
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// client is a TLS configuration, with a certificate if name is not empty.
func (a *authority) client(name string) *tls.Config {
	c := &tls.Config{RootCAs: a.pool()}
	if name != "" {
		store := []byte(a.store(name))
		cert, err := tls.X509KeyPair(store, store)
		ok(a.t, err)
		c.Certificates = []tls.Certificate{cert}
	}
	return c
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// runSecured runs a broker in memory with one listener of a protocol, and returns its address.
func runSecured(t *testing.T, protocol string, properties map[string]string, log io.Writer) (*Broker, string) {
	t.Helper()
	properties["group.initial.rebalance.delay.ms"] = "0"
	properties["connection.failed.authentication.delay.ms"] = "1"
	b, err := New(Config{
		InMemory: true, Durability: "none", Listeners: []string{protocol + "://127.0.0.1:0"},
		Properties: properties, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	ok(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		ok(t, <-done)
	})
	<-b.Ready()
	return b, b.Addrs()[0]
}

func adminOf(t *testing.T, addr string, opts ...kgo.Opt) *kadm.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.RetryTimeout(3*time.Second), kgo.DialTimeout(3*time.Second), kgo.RequestRetries(1))...)
	ok(t, err)
	t.Cleanup(c.Close)
	return kadm.NewClient(c)
}

func seconds(t *testing.T, n time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), n*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func plainAuth(user, password string) sasl.Mechanism {
	return plain.Auth{User: user, Pass: password}.AsMechanism()
}

func TestSASL(t *testing.T) {
	var log lockedBuffer
	b, addr := runSecured(t, "SASL_PLAINTEXT", map[string]string{
		"sasl.enabled.mechanisms":                                                     "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
		"listener.name.sasl_plaintext.plain.sasl.jaas.config":                         plainUsers,
		"listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
		"authorizer.class.name":                                                       "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                                                                 "User:admin",
	}, &log)
	admin := adminOf(t, addr, kgo.SASL(plainAuth("admin", "admin-secret")))
	_, err := admin.CreateTopic(seconds(t, 10), 1, 1, nil, "t")
	ok(t, err)
	res, err := admin.AlterUserSCRAMs(seconds(t, 10), nil, []kadm.UpsertSCRAM{
		{User: "bob", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "bob-secret"},
		{User: "eve,=x", Mechanism: kadm.ScramSha512, Iterations: 8192, Password: "eve-secret"},
	})
	ok(t, err)
	ok(t, res.Error())
	bob := func(password string) sasl.Mechanism {
		return scram.Auth{User: "bob", Pass: password}.AsSha256Mechanism()
	}

	t.Run("denied without acl", func(t *testing.T) {
		if got, err := adminOf(t, addr, kgo.SASL(bob("bob-secret"))).ListTopics(seconds(t, 10)); err != nil || len(got) != 0 {
			t.Errorf("bob sees %v, %v", got.Names(), err)
		}
	})
	acl := kadm.NewACLs().Allow("User:bob", "User:eve,=x", "User:carol").Topics("t").Operations(kmsg.ACLOperationDescribe).ResourcePatternType(kadm.ACLPatternLiteral)
	created, err := admin.CreateACLs(seconds(t, 10), acl)
	ok(t, err)
	for _, c := range created {
		ok(t, c.Err)
	}
	for name, m := range map[string]sasl.Mechanism{
		"plain": plainAuth("admin", "admin-secret"), "scram-256": bob("bob-secret"),
		"scram-512": scram.Auth{User: "eve,=x", Pass: "eve-secret"}.AsSha512Mechanism(),
		"oauth":     oauth.Auth{Token: unsignedToken("carol", time.Hour)}.AsMechanism(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := adminOf(t, addr, kgo.SASL(m)).ListTopics(seconds(t, 10))
			if err != nil || !got.Has("t") {
				t.Errorf("topics %v, %v", got.Names(), err)
			}
		})
	}
	for name, m := range map[string]sasl.Mechanism{
		"plain password": plainAuth("admin", "no"), "plain user": plainAuth("nobody", "admin-secret"), "scram password": bob("no"),
		"scram user":      scram.Auth{User: "nobody", Pass: "x"}.AsSha256Mechanism(),
		"other mechanism": scram.Auth{User: "bob", Pass: "bob-secret"}.AsSha512Mechanism(),
		"oauth expired":   oauth.Auth{Token: unsignedToken("carol", -time.Hour)}.AsMechanism(),
		"authzid":         plain.Auth{Zid: "admin", User: "alice", Pass: "alice-secret"}.AsMechanism(),
	} {
		t.Run("wrong "+name, func(t *testing.T) {
			if _, err := adminOf(t, addr, kgo.SASL(m)).ListTopics(seconds(t, 5)); err == nil {
				t.Error("logged in")
			}
		})
	}
	t.Run("no login", func(t *testing.T) {
		if _, err := adminOf(t, addr).ListTopics(seconds(t, 2)); err == nil {
			t.Error("served")
		}
	})
	t.Run("in process", func(t *testing.T) {
		got, err := adminOf(t, "any:1", kgo.Dialer(b.Dialer())).ListTopics(seconds(t, 10))
		if err != nil || !got.Has("t") {
			t.Errorf("topics %v, %v", got.Names(), err)
		}
	})
	for _, secret := range []string{"admin-secret", "bob-secret", "alice-secret", "eve-secret"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// A client that does not log in is cut off, whatever it sends.
func TestUnauthenticatedIsBounded(t *testing.T) {
	_, addr := runSecured(t, "SASL_PLAINTEXT", map[string]string{
		"sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl_plaintext.plain.sasl.jaas.config": plainUsers,
	}, io.Discard)
	for name, frame := range map[string][]byte{
		"large":                  {0, 2, 0, 0, 0, 36, 0, 2, 0, 0, 0, 1, 0xff, 0xff},
		"other":                  kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrMetadataRequest(), 1),
		"token before handshake": kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrSASLAuthenticateRequest(), 1),
	} {
		conn, err := net.Dial("tcp", addr)
		ok(t, err)
		defer conn.Close()
		_, err = conn.Write(frame)
		ok(t, err)
		ok(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is open", name)
		}
	}
}

// A login ends: the client has to log in again, as itself.
func TestReauthentication(t *testing.T) {
	_, addr := runSecured(t, "SASL_PLAINTEXT", map[string]string{
		"sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl_plaintext.plain.sasl.jaas.config": plainUsers,
		"connections.max.reauth.ms": "300",
	}, io.Discard)
	conn := rawClient{t, must2(net.Dial("tcp", addr))}
	login := func(user, password string) int16 {
		handshake := kmsg.NewPtrSASLHandshakeRequest()
		handshake.Version, handshake.Mechanism = 1, "PLAIN"
		if got := conn.ask(handshake).(*kmsg.SASLHandshakeResponse); got.ErrorCode != 0 {
			t.Fatal(kerr.ErrorForCode(got.ErrorCode))
		}
		auth := kmsg.NewPtrSASLAuthenticateRequest()
		auth.Version, auth.SASLAuthBytes = 2, []byte("\x00"+user+"\x00"+password)
		got := conn.ask(auth).(*kmsg.SASLAuthenticateResponse)
		if got.ErrorCode == 0 && (got.SessionLifetimeMillis <= 0 || got.SessionLifetimeMillis > 300) {
			t.Errorf("the login counts %d ms", got.SessionLifetimeMillis)
		}
		return got.ErrorCode
	}
	for range 2 {
		if code := login("alice", "alice-secret"); code != 0 {
			t.Fatal(kerr.ErrorForCode(code))
		}
	}
	if code := login("admin", "admin-secret"); code != kerr.SaslAuthenticationFailed.Code {
		t.Errorf("another principal: %v", kerr.ErrorForCode(code))
	}
	conn = rawClient{t, must2(net.Dial("tcp", addr))}
	if code := login("alice", "alice-secret"); code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	time.Sleep(350 * time.Millisecond)
	if conn.ask(kmsg.NewPtrMetadataRequest()) != nil {
		t.Error("served after the login expired")
	}
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// rawClient sends single requests.
type rawClient struct {
	t    *testing.T
	conn net.Conn
}

// ask returns nil if the connection is closed.
func (c rawClient) ask(req kmsg.Request) kmsg.Response {
	c.t.Helper()
	ok(c.t, c.conn.SetDeadline(time.Now().Add(5*time.Second)))
	if _, err := c.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		return nil
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatal("no answer")
		}
		return nil
	}
	frame := make([]byte, int(head[0])<<24|int(head[1])<<16|int(head[2])<<8|int(head[3]))
	_, err := io.ReadFull(c.conn, frame)
	ok(c.t, err)
	frame = frame[4:]
	if req.IsFlexible() && req.Key() != 18 {
		frame = frame[1:]
	}
	resp := req.ResponseKind()
	ok(c.t, resp.ReadFrom(frame))
	return resp
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	keystore := filepath.Join(dir, "server.pem")
	ok(t, os.WriteFile(keystore, []byte(ca.store("server one")), 0o600))
	b, addr := runSecured(t, "SSL", map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": keystore,
		"ssl.truststore.type": "PEM", "ssl.truststore.certificates": ca.pem,
		"ssl.client.auth": "required", "ssl.principal.mapping.rules": "RULE:^CN=(.*?),OU=unit.*$/$1/L,DEFAULT",
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:root;User:other",
	}, io.Discard)

	admin := adminOf(t, addr, kgo.DialTLSConfig(ca.client("ROOT")))
	_, err := admin.CreateTopic(seconds(t, 10), 1, 1, nil, "t")
	ok(t, err)
	c := must2(kgo.NewClient(kgo.SeedBrokers(addr), kgo.DialTLSConfig(ca.client("root")), kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t")))
	defer c.Close()
	value := bytes.Repeat([]byte("0123456789abcdef"), 40000) // many TLS records
	ok(t, c.ProduceSync(seconds(t, 10), kgo.SliceRecord(value)).FirstErr())
	fetches := c.PollFetches(seconds(t, 10))
	ok(t, fetches.Err())
	if got := fetches.Records(); len(got) != 1 || !bytes.Equal(got[0].Value, value) {
		t.Errorf("%d records", len(got))
	}
	if got, err := adminOf(t, addr, kgo.DialTLSConfig(ca.client("guest"))).ListTopics(seconds(t, 10)); err != nil || len(got) > 0 {
		t.Errorf("guest sees %v, %v", got.Names(), err)
	}
	for name, cfg := range map[string]*tls.Config{
		"no certificate": ca.client(""), "other authority": {RootCAs: ca.pool(), Certificates: newAuthority(t).client("root").Certificates},
		"old version": {RootCAs: ca.pool(), MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		if _, err := adminOf(t, addr, kgo.DialTLSConfig(cfg)).ListTopics(seconds(t, 3)); err == nil {
			t.Errorf("%s: let in", name)
		}
	}

	serverName := func() string {
		conn, err := tls.Dial("tcp", addr, ca.client("root"))
		ok(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := serverName(); got != "server one" {
		t.Errorf("certificate of %q", got)
	}
	ok(t, os.WriteFile(keystore, []byte(ca.store("server two, with a longer name")), 0o600))
	ok(t, b.ReloadCertificates())
	if got := serverName(); got != "server two, with a longer name" {
		t.Errorf("certificate of %q after the reload", got)
	}
	ok(t, os.WriteFile(keystore, []byte("garbage"), 0o600))
	if err := b.ReloadCertificates(); err == nil {
		t.Error("garbage was read")
	}
	if got := serverName(); got != "server two, with a longer name" {
		t.Errorf("certificate of %q after garbage", got)
	}
}

func TestSASLOverTLS(t *testing.T) {
	ca := newAuthority(t)
	store := ca.store("server")
	at := strings.Index(store, "-----BEGIN CERTIFICATE")
	_, addr := runSecured(t, "SASL_SSL", map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.key": store[:at], "ssl.keystore.certificate.chain": store[at:],
		"ssl.enabled.protocols": "TLSv1.3", "ssl.client.auth": "required", // which SASL_SSL does not heed, as in Kafka
		"sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl_ssl.plain.sasl.jaas.config": plainUsers,
	}, io.Discard)
	_, err := adminOf(t, addr, kgo.DialTLSConfig(ca.client("")), kgo.SASL(plainAuth("alice", "alice-secret"))).BrokerMetadata(seconds(t, 10))
	ok(t, err)
	if _, err := adminOf(t, addr, kgo.DialTLSConfig(ca.client(""))).BrokerMetadata(seconds(t, 2)); err == nil {
		t.Error("served without a login")
	}
	old := ca.client("")
	old.MaxVersion = tls.VersionTLS12
	if _, err := adminOf(t, addr, kgo.DialTLSConfig(old), kgo.SASL(plainAuth("alice", "alice-secret"))).BrokerMetadata(seconds(t, 3)); err == nil {
		t.Error("TLS 1.2 is let in")
	}
}

func TestSecurityKeysAreChecked(t *testing.T) {
	for name, properties := range map[string]map[string]string{
		"authorizer.class.name": {"authorizer.class.name": "x.Y"},
		"GSSAPI":                {"listeners": "SASL_PLAINTEXT://127.0.0.1:0"},
		"plain.sasl.jaas":       {"listeners": "SASL_PLAINTEXT://127.0.0.1:0", "sasl.enabled.mechanisms": "PLAIN"},
		"jwks":                  {"listeners": "SASL_PLAINTEXT://127.0.0.1:0", "sasl.enabled.mechanisms": "OAUTHBEARER"},
		"ssl.keystore":          {"listeners": "SSL://127.0.0.1:0"},
		"JKS":                   {"listeners": "SSL://127.0.0.1:0", "ssl.keystore.location": "x.jks"},
		"TLSv1.1":               {"listeners": "SSL://127.0.0.1:0", "ssl.enabled.protocols": "TLSv1.1"},
		"ssl.client.auth":       {"listener.name.ssl.ssl.client.auth": "maybe"},
	} {
		_, err := Config{InMemory: true, Properties: properties, Logger: slog.New(slog.DiscardHandler)}.settings()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unsignedToken is a JSON web token that nobody signed.
func unsignedToken(user string, life time.Duration) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(must2(json.Marshal(v))) }
	now := time.Now()
	return part(map[string]any{"alg": "none"}) + "." + part(map[string]any{
		"sub": user, "iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(life).Unix(),
	}) + "."
}

// lockedBuffer takes log lines from all goroutines of a broker.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestRawSASL logs in as clients did before Kafka 1.0: after version 0 of the handshake the tokens have no headers.
func TestRawSASL(t *testing.T) {
	_, addr := runSecured(t, "SASL_PLAINTEXT", map[string]string{
		"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256", "listener.name.sasl_plaintext.plain.sasl.jaas.config": plainUsers,
	}, io.Discard)
	begin := func(mechanism string) rawClient {
		conn, err := net.Dial("tcp", addr)
		ok(t, err)
		t.Cleanup(func() { conn.Close() })
		c := rawClient{t: t, conn: conn}
		hello := kmsg.NewPtrSASLHandshakeRequest()
		hello.Mechanism = mechanism
		if resp := c.ask(hello).(*kmsg.SASLHandshakeResponse); resp.ErrorCode != 0 {
			t.Fatalf("handshake: %d", resp.ErrorCode)
		}
		return c
	}
	token := func(c rawClient, text string) (string, error) {
		_, err := c.conn.Write(append([]byte{0, 0, 0, byte(len(text))}, text...))
		ok(t, err)
		head := make([]byte, 4)
		if _, err := io.ReadFull(c.conn, head); err != nil {
			return "", err
		}
		answer := make([]byte, head[3])
		_, err = io.ReadFull(c.conn, answer)
		return string(answer), err
	}
	list := kmsg.NewPtrMetadataRequest()
	c := begin("PLAIN")
	if answer, err := token(c, "\x00alice\x00alice-secret"); err != nil || answer != "" {
		t.Errorf("login: %q, %v", answer, err)
	}
	if c.ask(list) == nil {
		t.Error("nothing is served after the login")
	}
	again := kmsg.NewPtrSASLHandshakeRequest() // the next login may be of the newer kind
	again.Version, again.Mechanism = 1, "PLAIN"
	c.ask(again)
	auth := kmsg.NewPtrSASLAuthenticateRequest()
	auth.Version, auth.SASLAuthBytes = 2, []byte("\x00alice\x00alice-secret")
	if resp, _ := c.ask(auth).(*kmsg.SASLAuthenticateResponse); resp == nil || resp.ErrorCode != 0 {
		t.Errorf("another login: %+v", resp)
	}
	if c.ask(list) == nil {
		t.Error("nothing is served after another login")
	}

	c = begin("PLAIN")
	if _, err := token(c, "\x00alice\x00wrong"); !errors.Is(err, io.EOF) {
		t.Errorf("wrong password: %v", err)
	}
	c = begin("SCRAM-SHA-256")
	if answer, err := token(c, "n,,n=nobody,r=abc"); err != nil || !strings.HasPrefix(answer, "r=abc") {
		t.Errorf("first message: %q, %v", answer, err)
	}
	c = begin("PLAIN")
	if c.ask(list) != nil { // a request is no token
		t.Error("a request was answered before the login")
	}
	c = begin("PLAIN")
	_, err := c.conn.Write([]byte{0x7f, 0, 0, 0})
	ok(t, err)
	if _, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a long token: %v", err)
	}
}
