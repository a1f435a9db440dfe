package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/chortal/chortal/broker"
)

// readiness asks a server's /readyz.
func readiness(t *testing.T, url string) (code int, components map[string]map[string]string) {
	t.Helper()
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct{ Components map[string]map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.Components
}

func TestReadyzNamesWhatIsDown(t *testing.T) {
	parts := []broker.Component{{Name: "broker"}, {Name: "groups", Reason: "3 of 50 partitions of __consumer_offsets are not loaded"}}
	h := &health{components: func() []broker.Component { return parts }, metrics: prometheus.NewRegistry()}
	srv := httptest.NewServer(h.handler())
	defer srv.Close()
	code, got := readiness(t, srv.URL)
	if code != http.StatusServiceUnavailable || got["broker"]["status"] != "up" || got["groups"]["status"] != "down" || got["groups"]["reason"] != parts[1].Reason {
		t.Errorf("%d %v", code, got)
	}
	parts[1].Reason = ""
	if code, got = readiness(t, srv.URL); code != http.StatusOK || got["groups"]["status"] != "up" {
		t.Errorf("%d %v", code, got)
	}
}

// The admin port of a whole node: it is not ready before it runs, then all its parts are, and promtool finds nothing
// to blame in its metrics.
func TestAdminPort(t *testing.T) {
	n := startNode(t)
	var code int
	var parts map[string]map[string]string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if code, parts = readiness(t, n.adminURL()); code == http.StatusOK || time.Now().After(deadline) {
			break
		}
	}
	for _, name := range []string{"broker", "groups", "transactions", "sql"} {
		if parts[name]["status"] != "up" {
			t.Errorf("%s: %v", name, parts[name])
		}
	}
	resp, err := http.Get(n.adminURL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if file := os.Getenv("CHORTAL_METRICS"); file != "" { // for promtool itself
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestComponentsBeforeAndAfter(t *testing.T) {
	b, err := broker.New(broker.Config{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	reasons := func() (all []string) {
		for _, c := range b.Components() {
			all = append(all, c.Reason)
		}
		return all
	}
	if got := strings.Join(reasons(), "|"); strings.Count(got, "log dirs are being opened") != 3 {
		t.Errorf("before: %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-b.Ready()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(reasons(), "|"); strings.Count(got, "shutting down") != 3 {
		t.Errorf("after: %q", got)
	}
}
