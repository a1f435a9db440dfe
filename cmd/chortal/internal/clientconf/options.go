package clientconf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Key is a key that has an effect, with what it does.
type Key struct{ Name, Doc string }

// Keys lists the keys that have an effect, in the order in which a person reads them.
func Keys() []Key {
	return []Key{
		{"bootstrap.servers", "brokers as host:port, comma separated"},
		{"client.id", "the name by which brokers know this client"},
		{"request.timeout.ms", "longest wait for one answer, in milliseconds"},
		{"security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
		{"sasl.mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{"sasl.jaas.config", "login module and its options, as Kafka's clients have it"},
		{"sasl.username", "user name, in place of sasl.jaas.config"},
		{"sasl.password", "password, in place of sasl.jaas.config"},
		{"sasl.oauthbearer.token.endpoint.url", "file: URL of a token for OAUTHBEARER"},
		{"ssl.truststore.location", "PEM file of the certificates that are trusted; default: those of this computer"},
		{"ssl.truststore.certificates", "the same, as PEM text"},
		{"ssl.truststore.type", "PEM"},
		{"ssl.keystore.location", "PEM file with this client's certificate and key"},
		{"ssl.keystore.certificate.chain", "this client's certificate, as PEM text"},
		{"ssl.keystore.key", "this client's private key, as PEM text"},
		{"ssl.keystore.type", "PEM"},
		{"ssl.endpoint.identification.algorithm", "https checks the broker's host name; empty does not"},
	}
}

// Options makes the options of a client from its properties. Bootstrap servers, client id and timeout are the caller's part:
// see [Servers] and [Timeout].
func Options(props map[string]string) ([]kgo.Opt, error) {
	protocol := strings.ToUpper(props["security.protocol"])
	switch protocol {
	case "", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL":
	default:
		return nil, fmt.Errorf("security.protocol=%s: want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", props["security.protocol"])
	}
	var opts []kgo.Opt
	if strings.HasSuffix(protocol, "SSL") {
		c, err := tlsConfig(props)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(c))
	}
	if strings.HasPrefix(protocol, "SASL") {
		m, err := mechanism(props)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

// Servers is bootstrap.servers as a list.
func Servers(props map[string]string) []string {
	var list []string
	for s := range strings.SplitSeq(props["bootstrap.servers"], ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// Timeout is request.timeout.ms, zero where it is not set.
func Timeout(props map[string]string) (time.Duration, error) {
	text, ok := props["request.timeout.ms"]
	if !ok {
		return 0, nil
	}
	d, err := time.ParseDuration(text + "ms")
	if err != nil || d <= 0 {
		return 0, errors.New("request.timeout.ms=" + text + ": want a positive number of milliseconds")
	}
	return d, nil
}
