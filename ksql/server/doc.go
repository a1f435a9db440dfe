// Package server serves a SQL engine over HTTP as ksqlDB's REST API: /ksql, /query, /query-stream, /inserts-stream,
// /close-query, /info, /healthcheck, /status and their kin, over HTTP/1.1 and HTTP/2 without TLS.
//
// New returns an http.Handler; NewHTTPServer wraps it in an http.Server with the limits and protocols it needs.
package server
