package ksql

import (
	"sort"
	"strconv"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
)

// property is a row of the table of properties that a session may set.
type property struct {
	name, value string // value is the default
}

// properties are the properties that SET knows. Others that begin with ksql. or with a prefix of Kafka's clients are
// taken and ignored, as clients written for ksqlDB set them.
func properties() []property {
	return []property{
		{"auto.offset.reset", "earliest for persistent queries, latest for push queries"},
		{"commit.interval.ms", "2000"},
		{"cache.max.bytes.buffering", "10000000"},
		{"ksql.persistence.default.format.key", "KAFKA"},
		{"ksql.persistence.default.format.value", ""},
		{"ksql.query.pull.table.scan.enabled", "true"},
		{"processing.guarantee", "at_least_once"},
	}
}

// propertyPrefixes begin the names of properties that are accepted.
func propertyPrefixes() []string {
	return []string{"ksql.", "auto.", "cache.", "commit.", "processing.", "num.", "statestore.", "consumer.", "producer.", "max.", "min.", "fetch.", "default.", "request.", "retry.", "retries", "acks", "batch.", "linger.", "buffer.", "compression.", "enable.", "session.", "heartbeat.", "group.", "isolation.", "metadata.", "poll.", "state.", "topology.", "windowstore.", "rocksdb.", "task.", "replication.", "metrics.", "receive.", "send.", "reconnect.", "partition.", "check.", "allow.", "client."}
}

// CheckProperty says why a session may not set a property, or nil.
func CheckProperty(name string) error {
	switch name {
	case "bootstrap.servers", "application.id", "ksql.service.id", "ksql.streams.bootstrap.servers":
		return &Error{Code: CodeBadStatement, Message: "Cannot override property '" + name + "'"}
	}
	for _, p := range propertyPrefixes() {
		if strings.HasPrefix(name, p) {
			return nil
		}
	}
	return &Error{Code: CodeBadStatement, Message: "Unknown property: " + name}
}

func intProperty(props map[string]string, name string) (int64, bool) {
	for _, n := range []string{name, "ksql.streams." + name} {
		if v, ok := props[n]; ok {
			i, err := strconv.ParseInt(v, 10, 64)
			return i, err == nil
		}
	}
	return 0, false
}

// showProperties lists the known properties with the values that hold for a request.
func (e *Engine) showProperties(props map[string]string) []api.Property {
	var out []api.Property
	seen := map[string]bool{}
	for _, p := range properties() {
		value := p.value
		if v, ok := props[p.name]; ok {
			value = v
		}
		seen[p.name] = true
		out = append(out, api.Property{Name: p.name, Scope: "KSQL", Value: &value, Editable: true, Level: "QUERY"})
	}
	for name, value := range props {
		if !seen[name] {
			out = append(out, api.Property{Name: name, Scope: "KSQL", Value: &value, Editable: true, Level: "QUERY"})
		}
	}
	service := e.cfg.ServiceID
	brokers := strings.Join(e.cfg.Brokers, ",")
	out = append(out,
		api.Property{Name: "ksql.service.id", Scope: "KSQL", Value: &service, Level: "SERVER"},
		api.Property{Name: "bootstrap.servers", Scope: "KAFKA", Value: &brokers, Level: "SERVER"})
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
