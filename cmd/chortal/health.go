package main

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/chortal/chortal/broker"
)

// health serves the admin port: /metrics, /healthz (the process lives) and
// /readyz (each of its parts answers, or why it does not).
type health struct {
	components func() []broker.Component
	metrics    prometheus.Gatherer
}

func (h *health) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, map[string]any{"status": "up"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	return mux
}

// ready answers 200 if all components serve, else 503.
func (h *health) ready(w http.ResponseWriter, _ *http.Request) {
	code, status := http.StatusOK, "ready"
	parts := map[string]any{}
	for _, c := range h.components() {
		if c.Reason == "" {
			parts[c.Name] = map[string]string{"status": "up"}
			continue
		}
		parts[c.Name] = map[string]string{"status": "down", "reason": c.Reason}
		code, status = http.StatusServiceUnavailable, "not ready"
	}
	writeHealth(w, code, map[string]any{"status": status, "components": parts})
}

func writeHealth(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
