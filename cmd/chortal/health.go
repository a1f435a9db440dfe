package main

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health knows which parts of the process are up.
type health struct {
	mu    sync.Mutex
	parts map[string]bool // guarded by mu
}

func newHealth(parts ...string) *health {
	h := &health{parts: map[string]bool{}}
	for _, p := range parts {
		h.parts[p] = false
	}
	return h
}

func (h *health) set(part string, up bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts[part] = up
}

func (h *health) snapshot() (parts map[string]string, ready bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	parts, ready = map[string]string{}, true
	for p, up := range h.parts {
		parts[p] = "up"
		if !up {
			parts[p], ready = "starting", false
		}
	}
	return parts, ready
}

// handler serves the admin port: /metrics, /healthz (the process lives) and
// /readyz (each of its parts answers).
func (h *health) handler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, map[string]any{"status": "up"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		parts, ready := h.snapshot()
		if !ready {
			writeHealth(w, http.StatusServiceUnavailable, map[string]any{"status": "starting", "components": parts})
			return
		}
		writeHealth(w, http.StatusOK, map[string]any{"status": "ready", "components": parts})
	})
	return mux
}

func writeHealth(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
