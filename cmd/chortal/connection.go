package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/clientconf"
	"github.com/spf13/pflag"
)

// connection is how brokers are reached: what the flags say, and what it comes to with the environment, the profile and the file.
type connection struct {
	brokers []string
	extra   []string // -X key=value
	file    string
	profile string
	flagged map[string]*string // properties that have a flag of their own

	props  map[string]string // after resolve: the whole configuration of the client
	origin map[string]string // where each property comes from
}

// connectionFlags are the flags that stand for one property.
var connectionFlags = []struct{ flag, key, usage string }{
	{"security-protocol", "security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
	{"sasl-mechanism", "sasl.mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
	{"user", "sasl.username", "SASL user (env CHORTAL_USER)"},
	{"password", "sasl.password", "SASL password; env CHORTAL_PASSWORD keeps it out of the list of processes"},
	{"tls-ca", "ssl.truststore.location", "PEM file of the certificates that are trusted"},
	{"tls-cert", "ssl.keystore.location", "PEM file with this client's certificate and key"},
}

func (c *connection) flags(f *pflag.FlagSet) {
	f.StringSliceVarP(&c.brokers, "brokers", "b", nil, "brokers as host:port, comma separated (env CHORTAL_BROKERS or KAFKA_BROKERS; default "+defaultBroker+")")
	f.StringSliceVar(&c.brokers, "bootstrap-server", nil, "the same as --brokers")
	_ = f.MarkHidden("bootstrap-server")
	f.StringArrayVarP(&c.extra, "set", "X", nil, "client setting as key=value; -X list names them")
	f.StringVar(&c.file, "command-config", "", "properties file of a Kafka client (env CHORTAL_COMMAND_CONFIG)")
	f.StringVar(&c.profile, "profile", "", "named client configuration (env CHORTAL_PROFILE)")
	c.flagged = map[string]*string{}
	for _, own := range connectionFlags {
		c.flagged[own.key] = f.String(own.flag, "", own.usage)
	}
}

// resolve works out the client's configuration: flag over -X over environment over file over profile.
func (c *connection) resolve() error {
	c.props, c.origin = map[string]string{}, map[string]string{}
	for _, layer := range []func() error{c.fromProfile, c.fromFile, c.fromEnvironment, c.fromExtra, c.fromFlags} {
		if err := layer(); err != nil {
			return err
		}
	}
	if c.props["sasl.username"] != "" && c.props["security.protocol"] == "" {
		c.put("security.protocol", "SASL_PLAINTEXT", "because of a SASL user")
	}
	if c.props["sasl.username"] != "" && c.props["sasl.mechanism"] == "" {
		c.put("sasl.mechanism", "SCRAM-SHA-256", "because of a SASL user")
	}
	if c.brokers = clientconf.Servers(c.props); len(c.brokers) == 0 {
		c.brokers = []string{defaultBroker}
	}
	return nil
}

func (c *connection) put(key, value, origin string) {
	c.props[key], c.origin[key] = value, origin
}

func (c *connection) fromProfile() error {
	name := c.profile
	if name == "" {
		name = os.Getenv("CHORTAL_PROFILE")
	}
	path, err := profilePath(name)
	if err != nil {
		if name == "" {
			return nil // a user without a home has no default profile
		}
		return err
	}
	props, err := clientconf.Read(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && name == "":
		return nil
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("profile %q: %s does not exist; `chortal profile list` names those that do", name, path)
	case err != nil:
		return fmt.Errorf("profile: %w", err)
	}
	for k, v := range props {
		c.put(k, v, "profile "+path)
	}
	return nil
}

func (c *connection) fromFile() error {
	path := c.file
	if path == "" {
		path = os.Getenv("CHORTAL_COMMAND_CONFIG")
	}
	if path == "" {
		return nil
	}
	props, err := clientconf.Read(path)
	if err != nil {
		return fmt.Errorf("--command-config: %w", err)
	}
	for k, v := range props {
		c.put(k, v, "file "+path)
	}
	return nil
}

func (c *connection) fromEnvironment() error {
	for _, e := range []struct{ name, key string }{
		{"KAFKA_BROKERS", "bootstrap.servers"}, {"CHORTAL_BROKERS", "bootstrap.servers"}, {"CHORTAL_USER", "sasl.username"}, {"CHORTAL_PASSWORD", "sasl.password"},
	} {
		if v := os.Getenv(e.name); v != "" {
			c.put(e.key, v, "environment "+e.name)
		}
	}
	return nil
}

func (c *connection) fromExtra() error {
	known := clientconf.Keys()
	for _, kv := range c.extra {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			return fmt.Errorf("-X %s: want key=value (-X list names the keys)", kv)
		}
		if key == "brokers" {
			key = "bootstrap.servers"
		}
		if !slices.ContainsFunc(known, func(k clientconf.Key) bool { return k.Name == key }) {
			return fmt.Errorf("-X %s: unknown setting (-X list names the keys)", key)
		}
		c.put(key, value, "-X")
	}
	return nil
}

func (c *connection) fromFlags() error {
	for key, value := range c.flagged {
		if *value != "" {
			c.put(key, *value, "flag")
		}
	}
	if len(c.brokers) > 0 {
		c.put("bootstrap.servers", strings.Join(c.brokers, ","), "flag")
	}
	return nil
}

func (c *connection) clientID() string {
	if id := c.props["client.id"]; id != "" {
		return id
	}
	return "chortal-cli"
}

// profileFolder holds one properties file per profile.
func profileFolder() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("folder of the profiles: %w", err)
	}
	return filepath.Join(dir, "chortal"), nil
}

// profilePath is the file of a profile; that without a name is "default".
func profilePath(name string) (string, error) {
	if name == "" {
		name = "default"
	}
	if strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return "", fmt.Errorf("profile %q: a name has no slash and does not begin with a dot", name)
	}
	dir, err := profileFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, name+".properties"), nil
}

// sortedKeys lists the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
