package testcluster

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a broker in a process of its own, for tests that kill it.
type Process struct {
	t    testing.TB
	bin  string
	file string // its properties
	addr string
	cmd  *exec.Cmd
	out  chan string // its lines on stdout
	log  logTail     // its stderr
}

// StartProcess runs a broker on a free port of 127.0.0.1 with its files in dir, and kills it when the test ends. The
// properties are added to its own; durability is fsync unless they say otherwise. The program is the test itself, started
// once more: its TestMain must call NodeMain first.
func StartProcess(t testing.TB, dir string, properties map[string]string) *Process {
	t.Helper()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, bin: bin, file: filepath.Join(t.TempDir(), "server.properties")}
	p.addr = freeAddr(t)
	all := map[string]string{
		"listeners": "PLAINTEXT://" + p.addr, "log.dirs": dir, "group.initial.rebalance.delay.ms": "0",
	}
	maps.Copy(all, properties)
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", k, strings.ReplaceAll(all[k], `\`, `\\`))
	}
	if err := os.WriteFile(p.file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	p.Start()
	return p
}

// freeAddr finds a port that the process can bind: it must be the same after a restart.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start runs the process again after Kill or Terminate, on the same address and files.
func (p *Process) Start() {
	p.t.Helper()
	cmd := exec.Command(p.bin)
	cmd.Env = append(os.Environ(), nodeEnv+"="+p.file)
	cmd.Stderr = &p.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start broker: %v", err)
	}
	p.cmd, p.out = cmd, make(chan string, 16)
	go func(out chan string) {
		defer close(out)
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			out <- sc.Text()
		}
	}(p.out)
	select {
	case line, ok := <-p.out:
		if !ok || !strings.HasPrefix(line, "ready") {
			p.t.Fatalf("broker says %q", line)
		}
	case <-time.After(startTimeout):
		p.t.Fatal("broker is not ready")
	}
}

// Addr is the address to connect to.
func (p *Process) Addr() string { return p.addr }

// Log is what the process has last said on stderr: errors, if all is well nothing. It goes to the test's stderr as well.
func (p *Process) Log() string { return p.log.String() }

// maxLog is how much of a process's stderr is kept.
const maxLog = 1 << 20

// logTail passes on what it is given and keeps the last of it.
type logTail struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

// Write implements io.Writer.
func (l *logTail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if len(l.text) > maxLog {
		l.text = append(l.text[:0], l.text[len(l.text)-maxLog/2:]...)
	}
	return os.Stderr.Write(b)
}

// String is what is kept.
func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process as kill -9 does. A second call does nothing.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Terminate ends the process as SIGTERM does and returns how long that took.
func (p *Process) Terminate() time.Duration {
	began := time.Now()
	p.end(syscall.SIGTERM)
	return time.Since(began)
}

func (p *Process) end(sig syscall.Signal) {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Errorf("signal broker: %v", err)
	}
	for range p.out { //nolint:revive // until its stdout closes
	}
	_ = p.cmd.Wait() // a killed process has an error
	p.cmd = nil
}
