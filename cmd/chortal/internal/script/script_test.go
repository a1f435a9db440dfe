package script

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLookup(t *testing.T) {
	for _, name := range []string{"kafka-topics", "kafka-topics.sh", "/opt/kafka/bin/kafka-topics.sh"} {
		if tool, ok := Lookup(name); !ok || tool.Name != "kafka-topics" {
			t.Errorf("%s is not found", name)
		}
	}
	if _, ok := Lookup("chortal"); ok {
		t.Error("chortal is taken for a tool of Kafka")
	}
}

// Every tool explains itself, and refuses a flag that it does not know.
func TestToolsExplainThemselves(t *testing.T) {
	for _, tool := range Tools() {
		run := func(args ...string) (int, string) {
			var out, errs bytes.Buffer
			code := Run(t.Context(), tool, args, Env{In: strings.NewReader(""), Out: &out, Err: &errs, Version: "1", Timeout: time.Second})
			return code, out.String() + errs.String()
		}
		if code, text := run("--help"); code != 0 || !strings.Contains(text, tool.About) || !strings.Contains(text, "--help") {
			t.Errorf("%s --help: %d %s", tool.Name, code, text)
		}
		if code, text := run("--version"); code != 0 || text != "1\n" {
			t.Errorf("%s --version: %d %s", tool.Name, code, text)
		}
		if code, text := run("--nonsense"); code != 1 || !strings.Contains(text, "nonsense is not a recognized option") {
			t.Errorf("%s --nonsense: %d %s", tool.Name, code, text)
		}
		if code, _ := run(); code != 1 {
			t.Errorf("%s without flags ends with %d", tool.Name, code)
		}
		for i, f := range tool.flags {
			if f.doc == "" || slices.ContainsFunc(tool.flags[:i], func(g flag) bool { return g.name == f.name }) {
				t.Errorf("%s --%s is not explained, or stands there twice", tool.Name, f.name)
			}
		}
	}
}

func TestPairs(t *testing.T) {
	f := func(text string, want ...[2]string) {
		t.Helper()
		if got, err := pairs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	f("a=1", [2]string{"a", "1"})
	f("a=1, b=[x,y] ,c=", [2]string{"a", "1"}, [2]string{"b", "x,y"}, [2]string{"c", ""})
	f("SCRAM-SHA-256=[iterations=8192,password=p=q]", [2]string{"SCRAM-SHA-256", "iterations=8192,password=p=q"})
	f("")
	if _, err := pairs("a"); err == nil {
		t.Error("a key without a value is taken")
	}
}

func TestEntities(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		tool := configsTool()
		c := &call{tool: &tool, args: args, values: map[string][]string{}}
		err := c.parse()
		var text []string
		if err == nil {
			var all []entity
			all, err = c.entities()
			for _, e := range all {
				name := e.name
				if e.byDefault {
					name = "<default>"
				}
				text = append(text, e.kind+"="+name)
			}
		}
		if err != nil {
			text = []string{"refused"}
		}
		if got := strings.Join(text, " "); got != want {
			t.Errorf("%v is %s, want %s", args, got, want)
		}
	}
	f("topics=a", "--entity-type", "topics", "--entity-name", "a")
	f("users=a clients=b", "--entity-type", "users", "--entity-name", "a", "--entity-type", "clients", "--entity-name", "b")
	f("users=a clients=b", "--entity-type", "users", "--entity-type", "clients", "--entity-name", "a", "--entity-name", "b")
	f("users=<default> clients=b", "--entity-type", "users", "--entity-default", "--entity-type", "clients", "--entity-name", "b")
	f("users=a clients=<default>", "--user", "a", "--client-defaults")
	f("brokers=<default>", "--broker-defaults")
	f("topics=", "--entity-type", "topics")
	f("refused", "--entity-type", "nonsense")
	f("refused", "--topic", "a", "--user", "b")
	f("refused")
}

func TestLines(t *testing.T) {
	f := func(in, want string, properties ...string) {
		t.Helper()
		p := map[string]string{}
		for _, kv := range properties {
			k, v, _ := strings.Cut(kv, "=")
			p[k] = v
		}
		l := newLineReader(strings.NewReader(in), p)
		var got []string
		for {
			r, err := l.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				got = append(got, err.Error())
				break
			}
			got = append(got, show(r))
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%q is %s, want %s", in, text, want)
		}
	}
	f("a\r\nb\nc", "null=a; null=b; null=c")
	f("k\tv\nk2\tv\tw\n", "k=v; k2=v\tw", "parse.key=true")
	f("v\n", "No key separator found on line number 1: 'v'", "parse.key=true")
	f("v\n", "=v", "parse.key=true", "ignore.error=true")
	f("h:1,i:2\tk:NULL\n", "k=null h:1 i:2", "parse.key=true", "parse.headers=true", "key.separator=:", "null.marker=NULL")
	f("h\tv\n", "No header key separator found in pair 'h' on line number 1", "parse.headers=true")
}

func show(r *kgo.Record) string {
	text := func(p []byte) string {
		if p == nil {
			return "null"
		}
		return string(p)
	}
	s := text(r.Key) + "=" + text(r.Value)
	for _, h := range r.Headers {
		s += " " + h.Key + ":" + text(h.Value)
	}
	return s
}

// The names of exceptions are Kafka's.
func TestJavaNames(t *testing.T) {
	f := func(err *kerr.Error, want string) {
		t.Helper()
		if got := javaClass(err); got != want {
			t.Errorf("%s is %s, want %s", err.Message, got, want)
		}
	}
	f(kerr.UnknownTopicOrPartition, "UnknownTopicOrPartitionException")
	f(kerr.GroupIDNotFound, "GroupIdNotFoundException")
	f(kerr.NonEmptyGroup, "GroupNotEmptyException")
	f(kerr.InvalidTopicException, "InvalidTopicException")
	f(kerr.TopicAlreadyExists, "TopicExistsException")
	f(kerr.InvalidConfig, "InvalidConfigurationException")
}

func TestMetadataVersionNames(t *testing.T) {
	for level, want := range map[int16]string{7: "3.3-IV3", 30: "4.3-IV0", 99: "99", 25: "4.0-IV3"} {
		if got := metadataVersion(level); got != want {
			t.Errorf("level %d is %s, want %s", level, got, want)
		}
	}
}
