package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/broker/internal/handler"
	"github.com/chortal/chortal/broker/internal/server"
)

// apisPage lists the served APIs.
func apisPage() string {
	routes := handler.Routes(handler.Deps{Security: &handler.Security{}, Groups: &handler.Groups{}, Txns: &handler.Txns{}})
	slices.SortFunc(routes, func(a, b server.Route) int { return int(a.Key()) - int(b.Key()) })
	var b strings.Builder
	b.WriteString(generated)
	fmt.Fprintf(&b, "# Kafka APIs\n\nThe broker serves %d APIs of the Kafka protocol.\n\n| key | API | versions |\n|---|---|---|\n", len(routes))
	for _, r := range routes {
		lowest, highest := r.Versions()
		fmt.Fprintf(&b, "| %d | %s | %d to %d |\n", r.Key(), r.Name(), lowest, highest)
	}
	b.WriteString("\n`Produce` is advertised from version 0, because old clients turn compression off where it is not; versions below the ones served are refused.\n")
	return b.String()
}
