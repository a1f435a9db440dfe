package ksql

import (
	"strconv"
	"strings"
)

// applicationID is the consumer group of a persistent query and the prefix of its internal topics, as in ksqlDB.
func applicationID(serviceID, queryID string) string {
	return "_confluent-ksql-" + serviceID + "query_" + queryID
}

// commandTopic is the topic of the command log.
func commandTopic(serviceID string) string { return "_chortal_" + serviceID + "_commands" }

// functionLimits reads the properties ksql.functions.<name>.limit.
func functionLimits(props map[string]string) map[string]int {
	var out map[string]int
	for k, v := range props {
		name, ok := strings.CutPrefix(k, "ksql.functions.")
		if !ok {
			continue
		}
		if name, ok = strings.CutSuffix(name, ".limit"); !ok {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			continue
		}
		if out == nil {
			out = map[string]int{}
		}
		out[strings.ToUpper(name)] = n
	}
	return out
}
