package configdef

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// clientMetricsRows are the keys of a subscription to the metrics of clients (KIP-714).
func clientMetricsRows() []row {
	return []row{
		{"interval.ms", Int, "300000", "Time between two pushes of a client.", pushInterval, unused},
		{"match", List, "", "Clients that are meant, as name=pattern: client_id, client_instance_id, client_software_name, client_software_version, client_source_address, client_source_port.", clientPatterns, unused},
		{"metrics", List, "", "Prefixes of the names of the metrics that are asked for; * for all.", nil, unused},
	}
}

func pushInterval(v string) error {
	if between(100, 3600000)(v) != nil {
		return errors.New("interval must be between 100 and 3600000 (1 hour)")
	}
	return nil
}

func clientPatterns(v string) error {
	for _, pair := range split(v) {
		name, pattern, ok := strings.Cut(pair, "=")
		switch strings.TrimSpace(name) {
		case "client_id", "client_instance_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port":
		default:
			ok = false
		}
		if _, err := regexp.Compile(strings.TrimSpace(pattern)); !ok || err != nil {
			return fmt.Errorf("Illegal client matching pattern: %s", pair) //nolint:staticcheck // Kafka's text
		}
	}
	return nil
}
