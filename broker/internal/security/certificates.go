package security

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificatesInterval is how often the files are looked at, and that only while clients connect.
const certificatesInterval = time.Second

// TLSConfig says how connections are secured. Texts are PEM; where one is empty its file is read.
type TLSConfig struct {
	// KeyStoreFile holds the private key and its certificates: ssl.keystore.location with type PEM.
	KeyStoreFile string
	// Key and Chain are the private key and its certificates: ssl.keystore.key, ssl.keystore.certificate.chain.
	Key, Chain string
	// KeyPassword opens an encrypted private key (PKCS #8): ssl.key.password.
	KeyPassword string
	// TrustStoreFile holds the certificates of the authorities that clients' certificates are checked with:
	// ssl.truststore.location. Trusted is the same as text: ssl.truststore.certificates.
	TrustStoreFile, Trusted string
	// ClientAuth is ssl.client.auth: required, requested or none.
	ClientAuth string
	// Protocols is ssl.enabled.protocols: TLSv1.2 and TLSv1.3, both if it is empty.
	Protocols []string
	// CipherSuites is ssl.cipher.suites, which says something for TLS 1.2 only. Empty: Go's choice.
	CipherSuites []string
	// Logger takes what is wrong with files that changed. Nil: slog.Default.
	Logger *slog.Logger
}

// Certificates is a TLS configuration that follows its files: one that changes is read again when the next client
// connects. While what it holds is of no use, the old one stays.
type Certificates struct {
	cfg TLSConfig
	log *slog.Logger

	mu      sync.Mutex
	current *tls.Config // guarded by mu
	stamps  [2]stamp    // guarded by mu
	looked  time.Time   // guarded by mu
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

// NewCertificates reads the files and fails if they do not fit.
func NewCertificates(c TLSConfig) (*Certificates, error) {
	s := &Certificates{cfg: c, log: c.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s, s.Reload()
}

// Reload reads the files now, as a signal may ask for. After an error the old certificates stay.
func (s *Certificates) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(s.stat())
}

// Config is what a listener gives crypto/tls. It is always the same one; each connection gets the newest certificates.
func (s *Certificates) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.newest(), nil },
	}
}

func (s *Certificates) newest() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.looked) >= certificatesInterval {
		s.looked = now
		if stamps := s.stat(); stamps != s.stamps {
			if err := s.load(stamps); err != nil {
				s.stamps = stamps // said once
				s.log.Error("read changed certificates: the old ones stay", "err", err)
			} else {
				s.log.Info("certificates changed")
			}
		}
	}
	return s.current
}

func (s *Certificates) stat() (all [2]stamp) {
	for i, name := range []string{s.cfg.KeyStoreFile, s.cfg.TrustStoreFile} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

// load builds the configuration anew. s.mu is held.
func (s *Certificates) load(stamps [2]stamp) error {
	c, err := s.cfg.build()
	if err != nil {
		return err
	}
	// Keys of session tickets live as long as the certificates: who was let in by the old authorities starts anew.
	s.current, s.stamps = c, stamps
	return nil
}

func (c *TLSConfig) build() (*tls.Config, error) {
	t := &tls.Config{}
	if err := c.setVersions(t); err != nil {
		return nil, err
	}
	if err := c.setCipherSuites(t); err != nil {
		return nil, err
	}
	cert, err := c.keyPair()
	if err != nil {
		return nil, err
	}
	t.Certificates = []tls.Certificate{cert}
	return t, c.setClientAuth(t)
}

func (c *TLSConfig) keyPair() (tls.Certificate, error) {
	key, chain := []byte(c.Key), []byte(c.Chain)
	if c.Key == "" {
		if c.KeyStoreFile == "" {
			return tls.Certificate{}, errors.New("ssl.keystore.location or ssl.keystore.key is needed")
		}
		text, err := os.ReadFile(c.KeyStoreFile)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("ssl.keystore.location: %w", err)
		}
		key, chain = text, text // each reader takes its own blocks
	}
	key, err := decryptKeys(key, c.KeyPassword)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("keystore: %w", err)
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("keystore: %w", err)
	}
	return cert, nil
}

func (c *TLSConfig) setVersions(t *tls.Config) error {
	t.MinVersion, t.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if len(c.Protocols) == 0 {
		return nil
	}
	t.MinVersion, t.MaxVersion = tls.VersionTLS13, 0
	for _, p := range c.Protocols {
		var v uint16
		switch p {
		case "TLSv1.2":
			v = tls.VersionTLS12
		case "TLSv1.3":
			v = tls.VersionTLS13
		default:
			return fmt.Errorf("ssl.enabled.protocols: %s is not supported, only TLSv1.2 and TLSv1.3 are", p)
		}
		t.MinVersion, t.MaxVersion = min(t.MinVersion, v), max(t.MaxVersion, v)
	}
	return nil
}

func (c *TLSConfig) setCipherSuites(t *tls.Config) error {
names:
	for _, name := range c.CipherSuites {
		for _, suite := range tls.CipherSuites() {
			if suite.Name == name {
				t.CipherSuites = append(t.CipherSuites, suite.ID)
				continue names
			}
		}
		return fmt.Errorf("ssl.cipher.suites: %s is unknown or not safe", name)
	}
	return nil
}

func (c *TLSConfig) setClientAuth(t *tls.Config) error {
	switch c.ClientAuth {
	case "", "none":
		return nil
	case "required":
		t.ClientAuth = tls.RequireAndVerifyClientCert
	case "requested":
		t.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		return fmt.Errorf("ssl.client.auth: %q is not required, requested or none", c.ClientAuth)
	}
	trusted := []byte(c.Trusted)
	if c.Trusted == "" && c.TrustStoreFile != "" {
		text, err := os.ReadFile(c.TrustStoreFile)
		if err != nil {
			return fmt.Errorf("ssl.truststore.location: %w", err)
		}
		trusted = text
	}
	if len(trusted) == 0 {
		return nil // the authorities of the system, as in Kafka
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(trusted) {
		return errors.New("truststore: there is no certificate in PEM")
	}
	return nil
}
