package broker

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/server"
)

// endpoint is one element of listeners, with what is advertised for it.
type endpoint struct {
	name           string
	protocol       server.Protocol
	host           string
	port           int32
	advertisedHost string // empty: what the client dialled
	advertisedPort int32
}

func (e *endpoint) bind() string { return net.JoinHostPort(e.host, strconv.Itoa(int(e.port))) }

// loopback tells whether only this machine reaches the listener.
func (e *endpoint) loopback() bool {
	if e.host == "localhost" {
		return true
	}
	ip := net.ParseIP(e.host)
	return ip != nil && ip.IsLoopback()
}

// parseEndpoints reads listeners, advertised.listeners and listener.security.protocol.map. Listeners of the controller
// are left out: one node needs none.
func parseEndpoints(s *settings) ([]endpoint, error) {
	protocols, err := parseProtocols(s.layers.List(configdef.Broker, "listener.security.protocol.map"))
	if err != nil {
		return nil, err
	}
	controller := make(map[string]bool)
	for _, name := range s.layers.List(configdef.Broker, "controller.listener.names") {
		controller[strings.ToUpper(name)] = true
	}
	var all []endpoint
	if _, ok := s.static["listeners"]; ok {
		if all, err = parseListeners("listeners", s.layers.List(configdef.Broker, "listeners")); err != nil {
			return nil, err
		}
	}
	advertised, err := parseListeners("advertised.listeners", s.layers.List(configdef.Broker, "advertised.listeners"))
	if err != nil {
		return nil, err
	}
	if err := checkInterBroker(s, all); err != nil {
		return nil, err
	}
	kept := all[:0]
	for _, e := range all {
		if controller[e.name] {
			continue
		}
		if e.protocol = protocols[e.name]; e.protocol == "" {
			return nil, fmt.Errorf("listeners: listener.security.protocol.map has no protocol for %s", e.name)
		}
		kept = append(kept, e)
	}
	advertised = slices.DeleteFunc(advertised, func(e endpoint) bool { return controller[e.name] })
	return kept, advertise(kept, advertised)
}

// checkInterBroker refuses the name of a listener that is not there, and the two ways of naming it together, as Kafka
// does.
func checkInterBroker(s *settings, all []endpoint) error {
	name := strings.ToUpper(s.text("inter.broker.listener.name"))
	if name == "" {
		return nil
	}
	if _, both := s.static["security.inter.broker.protocol"]; both {
		return errors.New("inter.broker.listener.name and security.inter.broker.protocol: only one of them may be set")
	}
	if !slices.ContainsFunc(all, func(e endpoint) bool { return e.name == name }) {
		return fmt.Errorf("inter.broker.listener.name: there is no listener %s", name)
	}
	return nil
}

// advertise gives listeners the addresses that clients are told.
func advertise(all, advertised []endpoint) error {
next:
	for _, a := range advertised {
		if ip := net.ParseIP(a.host); a.host == "" || (ip != nil && ip.IsUnspecified()) {
			return fmt.Errorf("advertised.listeners: %s://%s: clients cannot connect to this address", a.name, a.bind())
		}
		for i := range all {
			if all[i].name == a.name {
				all[i].advertisedHost, all[i].advertisedPort = a.host, a.port
				continue next
			}
		}
		return fmt.Errorf("advertised.listeners: there is no listener %s", a.name)
	}
	return nil
}

// listenerPattern is Kafka's: the name of a listener, a host that may be empty or in brackets, and a port.
var listenerPattern = regexp.MustCompile(`^([A-Za-z0-9_-]+)://\[?([0-9A-Za-z\-%._:]*)\]?:([0-9]+)$`)

// parseListeners reads a list of NAME://host:port. The hosts localhost and so on are left as they are.
func parseListeners(key string, list []string) ([]endpoint, error) {
	var all []endpoint
	seen := make(map[string]bool)
	for _, text := range list {
		m := listenerPattern.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%s: %q is not of the form NAME://host:port", key, text)
		}
		port, err := strconv.ParseUint(m[3], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: port: %w", key, text, err)
		}
		name := strings.ToUpper(m[1])
		if seen[name] {
			return nil, fmt.Errorf("%s: %s is given twice", key, name)
		}
		seen[name] = true
		all = append(all, endpoint{name: name, host: m[2], port: int32(port)})
	}
	return all, nil
}

// parseProtocols reads listener.security.protocol.map. A listener that is named after its protocol needs no entry.
func parseProtocols(list []string) (map[string]server.Protocol, error) {
	known := map[string]server.Protocol{
		"PLAINTEXT": server.Plaintext, "SSL": server.SSL, "SASL_PLAINTEXT": server.SASLPlaintext, "SASL_SSL": server.SASLSSL,
	}
	m := make(map[string]server.Protocol)
	for name, p := range known {
		m[name] = p
	}
	for _, pair := range list {
		name, protocol, _ := strings.Cut(pair, ":")
		p, ok := known[strings.ToUpper(strings.TrimSpace(protocol))]
		if !ok {
			return nil, fmt.Errorf("listener.security.protocol.map: %q names no protocol", pair)
		}
		m[strings.ToUpper(strings.TrimSpace(name))] = p
	}
	return m, nil
}
