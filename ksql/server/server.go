package server

import (
	"log/slog"
	"net/http"

	"github.com/chortal/chortal/ksql"
)

// Config says what to serve and how much of it. Engine is required.
type Config struct {
	Engine *ksql.Engine
	Logger *slog.Logger
	// AllowedHosts are the values of the Host header that are accepted besides loopback names and addresses; "*" accepts
	// all. This keeps foreign web pages from reaching a server on loopback.
	AllowedHosts []string
	// MaxRequestBytes bounds a request's body. Zero means 1 MiB; /inserts-stream is bounded per row instead.
	MaxRequestBytes int64
}

// New returns the handler of the REST API.
func New(cfg Config) http.Handler { return http.NotFoundHandler() }

// NewHTTPServer returns a server for the handler that speaks HTTP/1.1 and HTTP/2 without TLS, with time limits for
// headers and idle connections.
func NewHTTPServer(h http.Handler) *http.Server { return &http.Server{Handler: h} }
