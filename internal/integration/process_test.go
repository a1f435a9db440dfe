package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	buildOnce sync.Once
	binary    string
	buildErr  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if binary != "" {
		os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// chortal builds the binary, once for all tests.
func chortal(t *testing.T) string {
	t.Helper()
	buildOnce.Do(func() {
		dir, err := os.MkdirTemp("", "chortal-integration-")
		if err != nil {
			buildErr = err
			return
		}
		binary = filepath.Join(dir, "chortal")
		out, err := exec.Command("go", "build", "-o", binary, "github.com/chortal/chortal/cmd/chortal").CombinedOutput()
		if err != nil {
			buildErr = fmt.Errorf("%w: %s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatalf("build: %v", buildErr)
	}
	return binary
}

// process is a server that a test starts, kills and starts again on the same
// ports and the same data.
type process struct {
	t          *testing.T
	dir        string
	kafka, sql string // addresses
	cmd        *exec.Cmd
	log        *os.File
}

func newProcess(t *testing.T, properties string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), kafka: freeAddr(t), sql: freeAddr(t)}
	text := fmt.Sprintf("listeners=PLAINTEXT://%s\nlog.dirs=%s\nsql.listeners=http://%s\nadmin.listeners=\ngroup.initial.rebalance.delay.ms=0\n%s\n",
		p.kafka, filepath.Join(p.dir, "data"), p.sql, properties)
	if err := os.WriteFile(p.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.log, err = os.Create(filepath.Join(p.dir, "server.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		p.log.Close()
		if t.Failed() {
			p.showLog()
		}
	})
	return p
}

func (p *process) config() string { return filepath.Join(p.dir, "server.properties") }

// showLog copies the end of the server's log to the test's.
func (p *process) showLog() {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return
	}
	const last = 16 << 10
	p.t.Logf("server log ends:\n%s", text[max(0, len(text)-last):])
}

// start runs the server and waits until it says that it is ready.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(chortal(p.t), "server", "-c", p.config())
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			if strings.HasPrefix(scan.Text(), "ready") {
				ready <- scan.Text()
			}
		}
		close(ready)
	}()
	select {
	case line, ok := <-ready:
		if !ok || line == "" {
			p.t.Fatal("the server ended before it was ready")
		}
	case <-time.After(60 * time.Second):
		p.t.Fatal("the server was not ready after 60 s")
	}
}

// kill ends the server as kill -9 does.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// stop ends the server with SIGTERM and returns how long it took.
func (p *process) stop() time.Duration {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("after SIGTERM: %v", err)
	}
	p.cmd = nil
	return time.Since(began)
}

// freeAddr is a loopback address that nobody listened on a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
