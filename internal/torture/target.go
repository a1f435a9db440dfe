package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Target describes a broker. In Start, Config and Stop, {{dir}} is a folder for its files, {{port}} the port of
// 127.0.0.1 where it has to listen, and {{config}} a file with the text of Config.
type Target struct {
	// Addr is that of a broker that runs already, and is only looked at: it cannot be killed.
	Addr string `json:"addr"`
	// Start is the command line that runs the broker in the foreground.
	Start []string `json:"start"`
	// Config is the text of {{config}}.
	Config string `json:"config"`
	// Bad is a regular expression; a line of the broker's output that it matches is an anomaly. Default: what the Go
	// runtime writes when a program breaks.
	Bad string `json:"bad"`
	// StopWithin bounds how long SIGTERM may take; default 10 s.
	StopWithin Duration `json:"stop_within"`
	// StartWithin bounds how long it may take until a request is answered; default 20 s.
	StartWithin Duration `json:"start_within"`
}

// Chortal is the target that runs the program bin. The properties are added to its own, which make segments small and
// the cleaner busy.
func Chortal(bin string, properties ...string) Target {
	config := []string{
		"listeners=PLAINTEXT://127.0.0.1:{{port}}", "log.dirs={{dir}}/data", "sql.listeners=", "admin.listeners=",
		"group.initial.rebalance.delay.ms=0", "offsets.topic.num.partitions=4", "transaction.state.log.num.partitions=4",
		"offsets.topic.segment.bytes=65536", "transaction.state.log.segment.bytes=65536", "log.cleaner.backoff.ms=100",
		"log.retention.check.interval.ms=500", "log.flush.offset.checkpoint.interval.ms=700",
	}
	return Target{
		Start: []string{bin, "server", "-c", "{{config}}"}, Config: strings.Join(append(config, properties...), "\n") + "\n",
		Bad: `panic|fatal error|DATA RACE|level=ERROR`, StopWithin: Duration(5 * time.Second),
	}
}

// process is a target that runs.
type process struct {
	target  Target
	addr    string
	dir     string
	argv    []string
	bad     *regexp.Regexp
	output  *os.File
	cmd     *exec.Cmd
	exited  chan error
	checked int64 // bytes of output that were looked at
}

// newProcess prepares the target in dir; it does not run yet.
func newProcess(t Target, dir string) (*process, error) {
	if t.StopWithin == 0 {
		t.StopWithin = Duration(10 * time.Second)
	}
	if t.StartWithin == 0 {
		t.StartWithin = Duration(20 * time.Second)
	}
	if t.Bad == "" {
		t.Bad = `^panic:|^fatal error:|DATA RACE`
	}
	bad, err := regexp.Compile(t.Bad)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	p := &process{target: t, addr: t.Addr, dir: dir, bad: bad}
	if t.Addr != "" {
		return p, nil
	}
	if len(t.Start) == 0 {
		return nil, errors.New("target: neither an address nor a command line")
	}
	if p.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "target.config")
	fill := strings.NewReplacer("{{dir}}", dir, "{{port}}", port, "{{config}}", config)
	if err := os.WriteFile(config, []byte(fill.Replace(t.Config)), 0o600); err != nil {
		return nil, err
	}
	for _, arg := range t.Start {
		p.argv = append(p.argv, fill.Replace(arg))
	}
	if p.output, err = os.Create(filepath.Join(dir, "target.log")); err != nil {
		return nil, err
	}
	return p, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs the broker and waits until it answers a request.
func (p *process) start(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	if p.target.Addr == "" {
		cmd := exec.Command(p.argv[0], p.argv[1:]...)
		cmd.Stdout, cmd.Stderr = p.output, p.output
		if err := cmd.Start(); err != nil {
			return 0, fmt.Errorf("start target: %w", err)
		}
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		p.cmd, p.exited = cmd, exited
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.target.StartWithin))
	defer cancel()
	for {
		if err := probe(ctx, p.addr); err == nil {
			return time.Since(began), nil
		}
		select {
		case err := <-p.exited:
			p.cmd = nil
			return 0, fmt.Errorf("target ended while it started: %w", err)
		case <-ctx.Done():
			return 0, fmt.Errorf("target does not answer after %v", time.Since(began))
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// probe asks for the versions of the APIs, as version 0.
func probe(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	request := []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff}
	if _, err := c.Write(request); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[4:]) != 7 {
		return errors.New("no answer to the request")
	}
	return nil
}

func (p *process) signal(sig syscall.Signal) error {
	if p.cmd == nil {
		return errors.New("target does not run")
	}
	return p.cmd.Process.Signal(sig)
}

// kill ends the broker as kill -9 does. It returns an error if it had ended before.
func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	select {
	case err := <-p.exited:
		p.cmd = nil
		return fmt.Errorf("target had ended by itself: %w", orEnded(err))
	default:
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.exited
	p.cmd = nil
	return nil
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("exit 0")
	}
	return err
}

// terminate ends the broker as SIGTERM does and tells how long it took.
func (p *process) terminate() (time.Duration, error) {
	began := time.Now()
	if err := p.signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case err := <-p.exited:
		p.cmd = nil
		if err != nil {
			return time.Since(began), fmt.Errorf("target ended after SIGTERM: %w", err)
		}
	case <-time.After(time.Duration(p.target.StopWithin)):
		err := fmt.Errorf("target runs %v after SIGTERM", time.Since(began))
		return time.Since(began), errors.Join(err, p.kill())
	}
	return time.Since(began), nil
}

// complaints are the bad lines of the output since the last call.
func (p *process) complaints() ([]string, error) {
	if p.output == nil {
		return nil, nil
	}
	b, err := os.ReadFile(p.output.Name())
	if err != nil {
		return nil, err
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(b[p.checked:])); s.Scan(); {
		if p.bad.MatchString(s.Text()) {
			lines = append(lines, s.Text())
		}
	}
	p.checked = int64(len(b))
	return lines, nil
}

func (p *process) close() {
	_ = p.signal(syscall.SIGCONT)
	_ = p.kill()
	if p.output != nil {
		p.output.Close()
	}
}
