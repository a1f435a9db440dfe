package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/cmd/chortal/internal/clientconf"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Env is where a tool reads and writes.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Version  string        // what --version says
	Timeout  time.Duration // longest wait for one answer
}

// Tool is one of Kafka's tools.
type Tool struct {
	Name  string // without .sh
	About string
	flags []flag
	run   func(ctx context.Context, c *call) error
	// offline tools take no --bootstrap-server.
	offline bool
}

// flag is one flag of a tool. value names its argument; without one it takes none, in brackets it may be left out.
type flag struct{ name, value, doc string }

// Tools lists the tools by name.
func Tools() []Tool {
	return []Tool{
		aclsTool(), apiVersionsTool(), clusterTool(), configsTool(), consoleConsumerTool(), consoleProducerTool(), groupsTool(), deleteRecordsTool(), dumpLogTool(),
		featuresTool(), getOffsetsTool(), electionTool(), logDirsTool(), quorumTool(), reassignTool(), topicsTool(), transactionsTool(),
	}
}

// Lookup finds a tool by a name or path of a program.
func Lookup(program string) (Tool, bool) {
	name := strings.TrimSuffix(filepath.Base(program), ".sh")
	for _, t := range Tools() {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// call is one run of a tool.
type call struct {
	Env
	tool   *Tool
	args   []string
	values map[string][]string
	rest   []string // words that are no flags
	props  map[string]string
	cl     *kgo.Client
	adm    *kadm.Client
}

func (c *call) has(name string) bool { _, ok := c.values[name]; return ok }

// value is the last value of a flag.
func (c *call) value(name string) string {
	if all := c.values[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// list is the values of a flag, each of them split at commas.
func (c *call) list(name string) []string {
	var all []string
	for _, v := range c.values[name] {
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				all = append(all, item)
			}
		}
	}
	return all
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// exitError ends a tool with a code, after it has said why.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// wrongUse is a mistake in the command line.
type wrongUse struct{ message string }

func (e *wrongUse) Error() string { return e.message }

func misuse(format string, args ...any) error { return &wrongUse{fmt.Sprintf(format, args...)} }

// Run runs a tool and returns the process's exit code.
func Run(ctx context.Context, t Tool, args []string, env Env) int {
	c := &call{Env: env, tool: &t, args: args, values: map[string][]string{}, props: map[string]string{}}
	err := c.start(ctx)
	if c.cl != nil {
		c.cl.Close()
	}
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	if wrong, ok := errors.AsType[*wrongUse](err); ok {
		fmt.Fprintln(c.Err, wrong.message)
		c.help(c.Err)
		return 1
	}
	fmt.Fprintf(c.Err, "Error: %s\n", javaText(err))
	return 1
}

func (c *call) start(ctx context.Context) error {
	if err := c.parse(); err != nil {
		return err
	}
	switch {
	case c.has("help"):
		fmt.Fprintln(c.Err, c.tool.About)
		c.help(c.Err)
		return nil
	case c.has("version"):
		c.printf("%s\n", c.Version)
		return nil
	case len(c.args) == 0:
		fmt.Fprintln(c.Err, c.tool.About)
		c.help(c.Err)
		return exitError(1)
	}
	if c.tool.offline {
		return c.tool.run(ctx, c)
	}
	if err := c.configure(); err != nil {
		return err
	}
	return c.tool.run(ctx, c)
}

// common are the flags that every tool has.
func common() []flag {
	return []flag{{"help", "", "Print usage information."}, {"version", "", "Display the version."}}
}

func online() []flag {
	return []flag{
		{"bootstrap-server", "server to connect to", "REQUIRED: The server(s) to connect to."},
		{"command-config", "config file", "Property file with the configuration of the client."},
	}
}

func (c *call) flags() []flag {
	all := slices.Concat(c.tool.flags, common())
	if !c.tool.offline {
		all = append(all, online()...)
	}
	return all
}

// parse reads the command line: --flag value, --flag=value, and words.
func (c *call) parse() error {
	known := c.flags()
	for i := 0; i < len(c.args); i++ {
		name, value, inline := strings.Cut(c.args[i], "=")
		bare, isFlag := strings.CutPrefix(name, "--")
		if short, ok := strings.CutPrefix(name, "-"); !isFlag && ok && short == "h" {
			bare, isFlag = "help", true
		}
		if !isFlag {
			c.rest = append(c.rest, c.args[i])
			continue
		}
		n := slices.IndexFunc(known, func(f flag) bool { return f.name == bare })
		if n < 0 {
			return misuse("%s is not a recognized option", bare)
		}
		f := known[n]
		switch {
		case f.value == "":
			c.values[bare] = append(c.values[bare], "")
			continue
		case inline:
		case i+1 < len(c.args) && !strings.HasPrefix(c.args[i+1], "--"):
			i++
			value = c.args[i]
		case strings.HasPrefix(f.value, "["):
			value = ""
		default:
			return misuse("Option %s requires an argument", bare)
		}
		c.values[bare] = append(c.values[bare], value)
	}
	return nil
}

// help lists the flags as Kafka's tools do.
func (c *call) help(w io.Writer) {
	all := c.flags()
	slices.SortFunc(all, func(a, b flag) int { return strings.Compare(a.name, b.name) })
	fmt.Fprintf(w, "%-40s %s\n%-40s %s\n", "Option", "Description", "------", "-----------")
	for _, f := range all {
		left := "--" + f.name
		switch {
		case strings.HasPrefix(f.value, "["):
			left += " [String" + ": " + strings.Trim(f.value, "[]") + "]"
		case f.value != "":
			left += " <String: " + f.value + ">"
		}
		fmt.Fprintf(w, "%-40s %s\n", left, f.doc)
	}
}

// configure reads the client's configuration and finds the brokers.
func (c *call) configure() error {
	for _, name := range []string{"command-config", "consumer.config", "producer.config"} {
		if file := c.value(name); file != "" {
			props, err := clientconf.Read(file)
			if err != nil {
				return err
			}
			for k, v := range props {
				c.props[k] = v
			}
		}
	}
	for _, name := range []string{"consumer-property", "producer-property", "command-property"} {
		for _, kv := range c.values[name] {
			k, v, ok := strings.Cut(kv, "=")
			if !ok {
				return misuse("Invalid command line properties: %s", kv)
			}
			c.props[k] = v
		}
	}
	if c.value("bootstrap-server") == "" {
		return misuse("Missing required argument \"[bootstrap-server]\"")
	}
	c.props["bootstrap.servers"] = c.value("bootstrap-server")
	return nil
}

// connect makes the client.
func (c *call) connect(opts ...kgo.Opt) error {
	secure, err := clientconf.Options(c.props)
	if err != nil {
		return err
	}
	id := c.props["client.id"]
	if id == "" {
		id = strings.TrimPrefix(c.tool.Name, "kafka-")
	}
	all := []kgo.Opt{
		kgo.SeedBrokers(clientconf.Servers(c.props)...), kgo.ClientID(id), kgo.DialTimeout(c.Timeout), kgo.RetryTimeout(c.Timeout), kgo.MetadataMinAge(100 * time.Millisecond),
	}
	cl, err := kgo.NewClient(slices.Concat(all, secure, opts)...)
	if err != nil {
		return err
	}
	c.cl, c.adm = cl, kadm.NewClient(cl)
	return nil
}

// admin makes the client and a context for requests of an administrator.
func (c *call) admin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := c.connect(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	if err := c.cl.Ping(ctx); err != nil {
		cancel()
		return nil, nil, fmt.Errorf("connection to %s: %w", c.props["bootstrap.servers"], err)
	}
	return ctx, cancel, nil
}

// exactlyOne finds the one action of a command line.
func (c *call) exactlyOne(list string, actions ...string) (string, error) {
	found := ""
	for _, a := range actions {
		if !c.has(a) {
			continue
		}
		if found != "" {
			found = ""
			break
		}
		found = a
	}
	if found == "" {
		return "", misuse("Command must include exactly one action: %s", list)
	}
	return found, nil
}
