package torture

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var built struct {
	once sync.Once
	bin  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.bin != "" {
		os.RemoveAll(filepath.Dir(built.bin))
	}
	os.Exit(code)
}

// chortal builds the broker, once for all tests.
func chortal(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "chortal-torture-bin-")
		if err != nil {
			built.err = err
			return
		}
		built.bin = filepath.Join(dir, "chortal")
		args := []string{"build", "-o", built.bin, "github.com/chortal/chortal/cmd/chortal"}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			built.err = err
			t.Logf("%s", out)
		}
	})
	if built.err != nil {
		t.Fatalf("build: %v", built.err)
	}
	return built.bin
}

func profile(t *testing.T, name string) Profile {
	t.Helper()
	f, err := os.Open(filepath.Join("profiles", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := ReadProfile(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The broker under kill -9, SIGTERM, SIGSTOP and broken connections: CHORTAL_TORTURE says for how long, by default a few
// seconds. 60 s go on until there were 150 kills.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	p := profile(t, "kill")
	p.Seed = uint64(time.Now().UnixNano() % 1e6)
	p.Budget, p.MinKills = Duration(3*time.Second), 3
	if text := os.Getenv("CHORTAL_TORTURE"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("CHORTAL_TORTURE=%s: %v", text, err)
		}
		p.Budget, p.MinKills = Duration(d), int(150*d/time.Minute)
	}
	judge(t, p, Options{})
}

// judge runs a profile; a run with anomalies leaves its history behind.
func judge(t *testing.T, p Profile, o Options) {
	t.Helper()
	t.Logf("seed %d", p.Seed)
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	report, err := Run(t.Context(), Chortal(chortal(t)), p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	for _, a := range report.Anomalies {
		t.Error(a)
	}
	if t.Failed() {
		t.Logf("the history and the broker's files are in %s", report.Dir)
	}
	if kills := report.Faults["kill"]; kills < p.MinKills {
		t.Errorf("%d kills, want %d", kills, p.MinKills)
	}
	if report.Acked == 0 {
		t.Error("nothing was acknowledged")
	}
}
