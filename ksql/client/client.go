package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chortal/chortal/ksql/internal/api"
)

// The values of the REST API, shared with package ksql.
type (
	// Error is a refused statement or a failed query.
	Error = api.Error
	// Code is a ksqlDB error code.
	Code = api.Code
	// Entity is the answer to one statement.
	Entity = api.Entity
	// CommandStatus says what became of a command.
	CommandStatus = api.CommandStatus
	// ServerInfo is the answer to Info.
	ServerInfo = api.ServerInfo
	// Field is a column of a source.
	Field = api.Field
	// TypeInfo is the schema of a type.
	TypeInfo = api.TypeInfo
)

// DefaultURL is where `chortal dev` and ksqlDB listen.
const DefaultURL = "http://127.0.0.1:8088"

// mediaType is the content type of ksqlDB's REST API.
const mediaType = "application/vnd.ksql.v1+json"

// maxAnswerBytes bounds an answer that is read whole.
const maxAnswerBytes = 64 << 20

// Config says where the server is and who asks. The zero value talks to DefaultURL without credentials.
type Config struct {
	// URL is the server's base address. Empty means DefaultURL; a missing scheme means http.
	URL string
	// User and Password are sent as basic authentication when User is set.
	User, Password string
	// Dialer opens connections; nil means TCP. An embedding program passes its own.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	// HTTPClient overrides the client that is built from the fields above.
	HTTPClient *http.Client
}

// Client sends statements to one server.
type Client struct {
	base           string
	user, password string
	http           *http.Client
	owned          bool
}

// New returns a client. It does not connect.
func New(cfg Config) (*Client, error) {
	base := cfg.URL
	if base == "" {
		base = DefaultURL
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("server address %q is no http or https URL", cfg.URL)
	}
	c := &Client{base: strings.TrimRight(u.String(), "/"), user: cfg.User, password: cfg.Password, http: cfg.HTTPClient}
	if c.http == nil {
		dial := cfg.Dialer
		if dial == nil {
			dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
		}
		c.http = &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second}}
		c.owned = true
	}
	return c, nil
}

// URL is the server's base address.
func (c *Client) URL() string { return c.base }

// Close frees idle connections.
func (c *Client) Close() {
	if c.owned {
		c.http.CloseIdleConnections()
	}
}

// Options are what a request carries beside its statement.
type Options struct {
	// Properties are the session's properties, as SET gives them.
	Properties map[string]string
	// Variables are the session's variables, as DEFINE gives them: the server replaces ${name}.
	Variables map[string]string
	// CommandSequenceNumber, when not nil, makes the server wait until it has run that command.
	CommandSequenceNumber *int64
}

type statementRequest struct {
	Ksql                  string            `json:"ksql,omitempty"`
	SQL                   string            `json:"sql,omitempty"`
	StreamsProperties     map[string]string `json:"streamsProperties,omitempty"`
	Properties            map[string]string `json:"properties,omitempty"`
	SessionVariables      map[string]string `json:"sessionVariables,omitempty"`
	CommandSequenceNumber *int64            `json:"commandSequenceNumber,omitempty"`
}

// Info returns the server's version, its cluster and its service id.
func (c *Client) Info(ctx context.Context) (ServerInfo, error) {
	var answer struct {
		Info ServerInfo `json:"KsqlServerInfo"`
	}
	err := c.get(ctx, "/info", &answer)
	return answer.Info, err
}

// Healthy reports whether the server says that it can serve.
func (c *Client) Healthy(ctx context.Context) (bool, error) {
	var answer struct {
		IsHealthy bool `json:"isHealthy"`
	}
	err := c.get(ctx, "/healthcheck", &answer)
	return answer.IsHealthy, err
}

// Execute runs a script of statements that are no queries and returns one entity per statement. An *Error says which
// statement was refused; its Entities are the answers of those before it.
func (c *Client) Execute(ctx context.Context, sql string, opts Options) ([]Entity, error) {
	req := statementRequest{Ksql: sql, StreamsProperties: opts.Properties, SessionVariables: opts.Variables, CommandSequenceNumber: opts.CommandSequenceNumber}
	resp, err := c.post(ctx, "/ksql", mediaType, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var entities []Entity
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswerBytes)).Decode(&entities); err != nil {
		return nil, fmt.Errorf("decode the answer of %s/ksql: %w", c.base, err)
	}
	return entities, nil
}

// CloseQuery ends a push query of the server by its id.
func (c *Client) CloseQuery(ctx context.Context, queryID string) error {
	resp, err := c.post(ctx, "/close-query", "application/json", map[string]string{"queryId": queryID})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("request %s%s: %w", c.base, path, err)
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswerBytes)).Decode(into); err != nil {
		return fmt.Errorf("decode the answer of %s%s: %w", c.base, path, err)
	}
	return nil
}

func (c *Client) post(ctx context.Context, path, contentType string, body any) (*http.Response, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the request of %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("request %s%s: %w", c.base, path, err)
	}
	req.Header.Set("Content-Type", contentType)
	return c.do(req)
}

// do sends the request; an answer other than 2xx becomes an *Error.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	if c.user != "" {
		req.SetBasicAuth(c.user, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// wireError is the error body of the REST API. Line, column, hint and index are chortal's own additions.
type wireError struct {
	Type          string          `json:"@type"`
	ErrorCode     Code            `json:"error_code"`
	Message       string          `json:"message"`
	StatementText string          `json:"statementText"`
	Entities      json.RawMessage `json:"entities"`
	Line          int             `json:"line"`
	Column        int             `json:"column"`
	Hint          string          `json:"hint"`
	Index         int             `json:"statementIndex"`
}

func (w wireError) toError() *Error {
	e := &Error{Code: w.ErrorCode, Message: w.Message, Statement: w.StatementText, Line: w.Line, Column: w.Column, Hint: w.Hint, Index: w.Index}
	if len(w.Entities) > 0 {
		_ = json.Unmarshal(w.Entities, &e.Entities) // a foreign server's entities may differ: the error itself matters
	}
	return e
}

func readError(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the error of %s: %w", resp.Request.URL, err)
	}
	var w wireError
	if json.Unmarshal(body, &w) != nil || w.Message == "" {
		return &Error{Code: Code(resp.StatusCode * 100), Message: fmt.Sprintf("%s answered %s: %s", resp.Request.URL, resp.Status, strings.TrimSpace(string(body)))}
	}
	return w.toError()
}
