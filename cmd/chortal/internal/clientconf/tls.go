package clientconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

func tlsConfig(props map[string]string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	trusted, err := pemOf(props, "ssl.truststore", "ssl.truststore.certificates")
	if err != nil {
		return nil, err
	}
	if trusted != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, errors.New("ssl.truststore: no certificate in the PEM text")
		}
	}
	if err := clientCertificate(c, props); err != nil {
		return nil, err
	}
	if v, ok := props["ssl.endpoint.identification.algorithm"]; ok && v == "" {
		verifyChainOnly(c)
	}
	return c, nil
}

func clientCertificate(c *tls.Config, props map[string]string) error {
	text, err := pemOf(props, "ssl.keystore", "ssl.keystore.certificate.chain", "ssl.keystore.key")
	if err != nil || text == nil {
		return err
	}
	if strings.Contains(string(text), "ENCRYPTED") {
		return errors.New("ssl.keystore: the private key is encrypted, which is not supported: `openssl pkey -in KEY -out PLAIN` decrypts it")
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return fmt.Errorf("ssl.keystore: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// pemOf is the PEM text of a store: inline from the keys, or the file PREFIX.location. Nil: there is none.
func pemOf(props map[string]string, prefix string, inline ...string) ([]byte, error) {
	var text strings.Builder
	for _, key := range inline {
		if v := props[key]; v != "" {
			text.WriteString(strings.TrimSpace(v) + "\n")
		}
	}
	if text.Len() > 0 {
		return []byte(text.String()), nil
	}
	path := props[prefix+".location"]
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s.location: %w", prefix, err)
	}
	if t := props[prefix+".type"]; !strings.EqualFold(t, "PEM") && !strings.Contains(string(data), "-----BEGIN ") {
		return nil, fmt.Errorf("%s.location=%s: only PEM is supported: `keytool -importkeystore -deststoretype PKCS12` and `openssl pkcs12 -nodes` convert the file; then set %s.type=PEM", prefix, path, prefix)
	}
	return data, nil
}

// verifyChainOnly checks who signed the broker's certificate, but not for which host: what an empty
// ssl.endpoint.identification.algorithm asks for.
func verifyChainOnly(c *tls.Config) {
	c.InsecureSkipVerify = true // replaced by VerifyConnection
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the broker has no certificate")
		}
		intermediates := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			intermediates.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs, Intermediates: intermediates})
		return err
	}
}
