package server

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql"
)

// The content types of ksqlDB's REST API.
const (
	typeV1        = "application/vnd.ksql.v1+json"
	typeDelimited = "application/vnd.ksqlapi.delimited.v1"
	typeJSON      = "application/json"
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

type handler struct {
	engine   *ksql.Engine
	log      *slog.Logger
	hosts    []string
	maxBytes int64
}

// New returns the handler of the REST API.
func New(cfg Config) http.Handler {
	h := &handler{engine: cfg.Engine, log: cfg.Logger, hosts: cfg.AllowedHosts, maxBytes: cfg.MaxRequestBytes}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.maxBytes == 0 {
		h.maxBytes = 1 << 20
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/info", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /info", h.info)
	mux.HandleFunc("GET /healthcheck", h.healthcheck)
	mux.HandleFunc("GET /chc/live", empty)
	mux.HandleFunc("GET /chc/ready", h.ready)
	mux.HandleFunc("GET /status", h.allStatus)
	mux.HandleFunc("GET /status/{type}/{entity}/{action}", h.status)
	mux.HandleFunc("GET /clusterStatus", h.clusterStatus)
	mux.HandleFunc("GET /is_valid_property/{property}", h.isValidProperty)
	mux.HandleFunc("GET /v1/metadata", h.metadata)
	mux.HandleFunc("GET /v1/metadata/id", h.metadataID)
	mux.HandleFunc("POST /ksql", h.ksql)
	mux.HandleFunc("POST /ksql/terminate", h.terminate)
	mux.HandleFunc("POST /query", h.query)
	mux.HandleFunc("POST /query-stream", h.queryStream)
	mux.HandleFunc("POST /close-query", h.closeQuery)
	mux.HandleFunc("POST /inserts-stream", h.insertsStream)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &ksql.Error{Code: ksql.CodeNotFound, Message: "Not found: " + r.URL.Path})
	})
	return h.guard(mux)
}

// NewHTTPServer returns a server for the handler that speaks HTTP/1.1 and HTTP/2 without TLS, with time limits for
// headers and idle connections.
func NewHTTPServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// guard refuses requests that a browser sends for a foreign page: a Host that is not ours (DNS rebinding) or an Origin
// that is not ours (cross-site request).
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.allowed(r.Host) {
			writeError(w, &ksql.Error{Code: 40300, Message: "Host not allowed: " + r.Host, Hint: "name it among the allowed hosts of the server"})
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			u, err := url.Parse(origin)
			if err != nil || !h.allowed(u.Host) {
				writeError(w, &ksql.Error{Code: 40300, Message: "Origin not allowed: " + origin})
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (h *handler) allowed(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	if ip := net.ParseIP(host); ip != nil {
		return true // an address cannot be rebound
	}
	return slices.ContainsFunc(h.hosts, func(a string) bool { return a == "*" || strings.EqualFold(a, host) || strings.EqualFold(a, hostport) })
}

// request is the body of /ksql, /query and /query-stream; ksqlDB names the same things differently per endpoint.
type request struct {
	Ksql                  string         `json:"ksql"`
	SQL                   string         `json:"sql"`
	StreamsProperties     map[string]any `json:"streamsProperties"`
	Properties            map[string]any `json:"properties"`
	SessionVariables      map[string]any `json:"sessionVariables"`
	CommandSequenceNumber *int64         `json:"commandSequenceNumber"`
}

func (q request) statement() string {
	if q.SQL != "" {
		return q.SQL
	}
	return q.Ksql
}

func (q request) options() ksql.Options {
	opts := ksql.Options{Properties: texts(q.StreamsProperties), Variables: texts(q.SessionVariables)}
	for k, v := range texts(q.Properties) {
		if opts.Properties == nil {
			opts.Properties = map[string]string{}
		}
		opts.Properties[k] = v
	}
	return opts
}

// texts gives the values of a JSON object as text, as Kafka's configs take them.
func texts(m map[string]any) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		switch v := v.(type) {
		case nil:
		case string:
			out[k] = v
		default:
			b, _ := json.Marshal(v) //nolint:errchkjson // it came from JSON
			out[k] = string(b)
		}
	}
	return out
}

func (h *handler) decode(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, h.maxBytes))
	d.UseNumber()
	err := d.Decode(into)
	if err == nil {
		return true
	}
	var tooBig *http.MaxBytesError
	message := "Request body is no valid JSON: " + err.Error()
	switch {
	case errors.As(err, &tooBig):
		message = "Request body is larger than the limit."
	case errors.Is(err, io.EOF):
		message = "Request body is empty."
	}
	writeError(w, &ksql.Error{Code: ksql.CodeBadRequest, Message: message})
	return false
}

// errorBody is the error of ksqlDB's REST API; the last four fields are chortal's own.
type errorBody struct {
	Type          string        `json:"@type"`
	ErrorCode     ksql.Code     `json:"error_code"`
	Message       string        `json:"message"`
	StatementText string        `json:"statementText,omitempty"`
	Entities      []ksql.Entity `json:"entities,omitzero"`
	Line          int           `json:"line,omitempty"`
	Column        int           `json:"column,omitempty"`
	Hint          string        `json:"hint,omitempty"`
	Index         int           `json:"statementIndex,omitempty"`
}

func bodyOf(err error) (errorBody, int) {
	e, ok := errors.AsType[*ksql.Error](err)
	if !ok {
		e = &ksql.Error{Code: ksql.CodeServerError, Message: err.Error()}
	}
	body := errorBody{Type: "generic_error", ErrorCode: e.Code, Message: e.Message, Line: e.Line, Column: e.Column, Hint: e.Hint, Index: e.Index}
	if e.Statement != "" || e.Code == ksql.CodeBadStatement {
		body.Type, body.StatementText, body.Entities = "statement_error", e.Statement, e.Entities
		if body.Entities == nil {
			body.Entities = []ksql.Entity{}
		}
	}
	return body, e.HTTPStatus()
}

func writeError(w http.ResponseWriter, err error) {
	body, status := bodyOf(err)
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", typeV1)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody is left to tell
}

func empty(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, struct{}{}) }
