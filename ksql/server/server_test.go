package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/internal/testcluster"
	"github.com/chortal/chortal/ksql"
	"github.com/chortal/chortal/ksql/client"
	"github.com/chortal/chortal/ksql/server"
)

// serve runs a broker, an engine and its server, and returns the server's address.
func serve(t testing.TB) string {
	t.Helper()
	cl := testcluster.Start(t, testcluster.Config{})
	e, err := ksql.New(ksql.Config{Brokers: cl.Seeds(), Dialer: cl.Dialer(), CommitInterval: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.NewHTTPServer(server.New(server.Config{Engine: e}))
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	<-e.Ready()
	return "http://" + l.Addr().String()
}

func newClient(t testing.TB, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const statements = `CREATE STREAM s (k STRING KEY, a INT, b DECIMAL(6,2), c ARRAY<STRING>) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE t AS SELECT k, COUNT(*) AS n, SUM(a) AS total FROM s GROUP BY k;`

var earliest = client.Options{Properties: map[string]string{"auto.offset.reset": "earliest"}}

func TestClientAgainstServer(t *testing.T) {
	c := newClient(t, serve(t))
	ctx := t.Context()
	info, err := c.Info(ctx)
	if err != nil || info.KsqlServiceID != "default_" || info.KafkaClusterID == "" || info.ServerStatus != "RUNNING" {
		t.Errorf("Info: %+v, %v", info, err)
	}
	if ok, err := c.Healthy(ctx); !ok || err != nil {
		t.Errorf("Healthy: %v, %v", ok, err)
	}
	out, err := c.Execute(ctx, statements, earliest)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 2 || out[0].CommandStatus.Message != "Stream created" || out[1].CommandStatus.QueryID == nil || out[1].CommandSequenceNumber == nil {
		t.Errorf("Execute: %+v", out)
	}
	rows := []map[string]any{
		{"K": "x", "A": 1, "B": json.Number("2.50"), "C": []string{"p", "q"}},
		{"k": "y", "a": 2},
		{"K": "x", "A": 3},
	}
	if err := c.Insert(ctx, "S", rows...); err != nil {
		t.Fatal(err)
	}
	got := query(t, c, "SELECT k, a, b, c FROM s EMIT CHANGES LIMIT 3;")
	want := []string{"[x 1 2.50 [p q]]", "[y 2 <nil> <nil>]", "[x 3 <nil> <nil>]"}
	if !slices.Equal(got, want) {
		t.Errorf("push query: %q", got)
	}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got = query(t, c, "SELECT * FROM t WHERE k = 'x';")
		if slices.Equal(got, []string{"[x 2 4]"}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("pull query: %q", got)
		}
	}
}

func query(t *testing.T, c *client.Client, sql string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	rows, err := c.Query(ctx, sql, earliest)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out []string
	for row, err := range rows.All() {
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		out = append(out, fmt.Sprint(row))
	}
	return out
}

func TestClientErrors(t *testing.T) {
	c := newClient(t, serve(t))
	ctx := t.Context()
	_, err := c.Execute(ctx, "SHOW STREAMS;\nSHOW STREEMS;", client.Options{})
	var ke *client.Error
	if !errors.As(err, &ke) || ke.Code != 40001 || ke.Line != 1 || ke.Index != 2 || len(ke.Entities) != 1 {
		t.Errorf("syntax error: %+v", err)
	}
	_, err = c.Query(ctx, "SELECT * FROM nada EMIT CHANGES;", client.Options{})
	if !errors.As(err, &ke) || ke.Message != "NADA does not exist." {
		t.Errorf("unknown source: %v", err)
	}
	err = c.Insert(ctx, "nada", map[string]any{"a": 1})
	if !errors.As(err, &ke) || !strings.Contains(ke.Message, "unknown stream/table") {
		t.Errorf("insert into nothing: %v", err)
	}
	if err = c.CloseQuery(ctx, "nada"); !errors.As(err, &ke) || ke.Code != 40000 {
		t.Errorf("close of nothing: %v", err)
	}
	gone := newClient(t, "127.0.0.1:1")
	var op *net.OpError
	if _, err := gone.Info(ctx); !errors.As(err, &op) {
		t.Errorf("no server: %v", err)
	}
}

func TestClosedPushQueryEnds(t *testing.T) {
	c := newClient(t, serve(t))
	if _, err := c.Execute(t.Context(), statements, earliest); err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(t.Context(), "SELECT * FROM s EMIT CHANGES;", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Execute(t.Context(), "SHOW QUERIES;", client.Options{})
	if err != nil || len(out[0].Queries) != 2 {
		t.Errorf("SHOW QUERIES: %+v, %v", out, err)
	}
	if err := c.CloseQuery(t.Context(), rows.QueryID); err != nil {
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() != nil {
		t.Errorf("closed query goes on: %v, %v", rows.Row(), rows.Err())
	}
}

// post sends a body and returns status, content type and answer.
func post(t *testing.T, url, accept, body string) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/vnd.ksql.v1+json")
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

func TestShapesOnTheWire(t *testing.T) {
	url := serve(t)
	c := newClient(t, url)
	if _, err := c.Execute(t.Context(), statements, earliest); err != nil {
		t.Fatal(err)
	}
	if err := c.Insert(t.Context(), "s", map[string]any{"K": "x", "A": 1}); err != nil {
		t.Fatal(err)
	}
	f := func(path, accept, body string, wantStatus int, want ...string) {
		t.Helper()
		status, _, got := post(t, url+path, accept, body)
		if status != wantStatus {
			t.Errorf("%s %s: status %d: %s", path, body, status, got)
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s %s\ngave %s\nwant %s", path, body, got, w)
			}
		}
	}
	props := `{"auto.offset.reset":"earliest"}`
	f("/ksql", "", `{"ksql":"LIST STREAMS;"}`, 200, `[{"@type":"streams","statementText":"LIST STREAMS;","streams":[{"type":"STREAM","name":"S","topic":"s","keyFormat":"KAFKA","valueFormat":"JSON","isWindowed":false}],"warnings":[]}]`)
	f("/ksql", "", `{"ksql":"LIST TYPES;"}`, 200, `"types":{}`)
	f("/ksql", "", `{"ksql":"DESCRIBE S;"}`, 200, `"@type":"sourceDescription"`, `"name":"K","schema":{"type":"STRING","fields":null,"memberSchema":null},"type":"KEY"`)
	f("/ksql", "", `{"ksql":"CREATE TABLE x AS SELECT * FROM s;"}`, 400, `"@type":"statement_error","error_code":40001`, `"statementText"`)
	f("/ksql", "", `{"ksql":"SELECT * FROM t;"}`, 400, `"error_code":40002`)
	f("/ksql", "", `{"ksql":`, 400, `"error_code":40000`)
	f("/ksql", "", `{"ksql":"SET 'x'='y';"}`, 400, "Unknown property")
	f("/ksql", "", `{"ksql":"LIST STREAMS;","streamsProperties":{"bootstrap.servers":"x"}}`, 400, "Cannot override")
	f("/query", "", `{"ksql":"SELECT K, A FROM s EMIT CHANGES LIMIT 1;","streamsProperties":`+props+`}`, 200,
		`[{"header":{"queryId":"transient_S_`, "`K` STRING, `A` INTEGER", `{"row":{"columns":["x",1]}}`, `{"finalMessage":"Limit Reached"}`)
	f("/query-stream", "", `{"sql":"SELECT K, A FROM s EMIT CHANGES LIMIT 1;","properties":`+props+`}`, 200,
		`"columnNames":["K","A"],"columnTypes":["STRING","INTEGER"]}`+"\n"+`["x",1]`)
	f("/query-stream", "application/json", `{"sql":"SELECT K, A FROM s EMIT CHANGES LIMIT 1;","properties":`+props+`}`, 200, `[{"queryId":`, `,`+"\n"+`["x",1]]`)
	f("/query", "", `{"ksql":"PRINT s FROM BEGINNING LIMIT 1;"}`, 200, "Value format: JSON", `key: x, value: {"A":1`)
	f("/inserts-stream", "", `{"target":"S"}`+"\n"+`{"K":"y","A":2}`+"\n"+`{"K":"y","NADA":2}`+"\n", 200, `{"status":"ok","seq":0}`, `"status":"error","seq":1`, "does not exist")
	f("/nowhere", "", `{}`, 404, `"error_code":40400`)
	status, _, text := post(t, url+"/ksql", "", `{"ksql":"`+strings.Repeat("x", 2<<20)+`"}`)
	if status != 400 || !strings.Contains(text, "larger than the limit") {
		t.Errorf("a large body: %d %.100s", status, text)
	}
}

func TestGets(t *testing.T) {
	url := serve(t)
	f := func(path, want string) {
		t.Helper()
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s gave %s, want %s", path, b, want)
		}
	}
	f("/", `"KsqlServerInfo"`)
	f("/info", `{"KsqlServerInfo":{"version":`)
	f("/healthcheck", `"isHealthy":true`)
	f("/chc/ready", `{}`)
	f("/status", `"commandStatuses":{}`)
	f("/clusterStatus", `"hostAlive":true`)
	f("/v1/metadata/id", `"scope":{"clusters":{},"path":[]}`)
	f("/is_valid_property/ksql.service.id", "Cannot override")
	f("/is_valid_property/auto.offset.reset", "true")
}

// A page of another origin, or a name that was rebound to loopback, gets nothing.
func TestForeignPages(t *testing.T) {
	url := serve(t)
	f := func(set func(*http.Request), want int) {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/info", nil)
		set(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	f(func(*http.Request) {}, 200)
	f(func(r *http.Request) { r.Host = "evil.example" }, 403)
	f(func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403)
	f(func(r *http.Request) { r.Header.Set("Origin", "http://localhost:3000") }, 200)
}

func TestHTTP2WithoutTLS(t *testing.T) {
	url := serve(t)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	hc := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	defer hc.CloseIdleConnections()
	resp, err := hc.Get(url + "/info")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("answered with %s", resp.Proto)
	}
}
