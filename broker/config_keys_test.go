package broker_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/internal/testcluster"
)

// brokerSource is all code of the broker and of its program but tests and the table of keys.
func brokerSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	read := func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "configdef" || d.Name() == "docgen"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}
	for _, dir := range []string{".", "../cmd"} {
		if err := filepath.WalkDir(dir, read); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// A key that is not marked as one without effect is read somewhere: by its name, or as the default of a key of topics or
// groups that is. (A test of configdef sees to the reverse.)
func TestKeysAreRead(t *testing.T) {
	source := brokerSource(t)
	composed := map[string]string{ // what the code has of the names that it composes
		"sasl.jaas.config": ".sasl.jaas.config", "ssl.keystore.type": "ssl.keystore", "ssl.truststore.type": "ssl.truststore",
	}
	for _, key := range []string{"assignment.interval.ms", "heartbeat.interval.ms", "session.timeout.ms"} {
		for _, prefix := range []string{"consumer.", "group.consumer.min.", "group.consumer.max."} {
			composed[prefix+key] = key
		}
	}
	named := func(name string) bool {
		if part, ok := composed[name]; ok {
			name = part
		}
		return strings.Contains(source, `"`+name+`"`)
	}
	defaultOf := func(broker string) bool {
		for _, scope := range []configdef.Scope{configdef.Topic, configdef.Group} {
			for k := range configdef.Keys(scope) {
				set := configdef.Layers{Static: map[string]string{broker: "7"}}
				if !k.Unused && set.Text(scope, k.Name) != (configdef.Layers{}).Text(scope, k.Name) {
					return true
				}
			}
		}
		return false
	}
	for _, scope := range []configdef.Scope{configdef.Broker, configdef.Topic, configdef.Group, configdef.ClientMetrics} {
		for k := range configdef.Keys(scope) {
			if !k.Unused && !named(k.Name) && !(scope == configdef.Broker && defaultOf(k.Name)) {
				t.Errorf("nobody reads %s: give it a reader, or mark it as unused and say why", k.Name)
			}
		}
	}
}

// Every key of a topic can be changed while the topic is in use, is shown with its new value, and can be reset; a value
// that is not allowed is refused, and so is a key that nobody knows.
func TestTopicKeysChangeLive(t *testing.T) {
	values := map[string]string{
		"cleanup.policy": "compact,delete", "compression.type": "zstd", "message.timestamp.type": "LogAppendTime",
		"preallocate": "true", "unclean.leader.election.enable": "true", "validate.records": "full",
		"remote.storage.enable": "", "remote.log.copy.disable": "", "remote.log.delete.on.disable": "", // tiered storage is not served
		"local.retention.ms": "", "local.retention.bytes": "",
		"follower.replication.throttled.replicas": "*", "leader.replication.throttled.replicas": "*",
		"min.cleanable.dirty.ratio": "0.75", "min.insync.replicas": "2", "segment.bytes": "1048576", "segment.index.bytes": "4096",
	}
	c := testcluster.Start(t, testcluster.Config{})
	client := c.Client()
	adm := kadm.NewClient(client)
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, "ventas"); err != nil {
		t.Fatal(err)
	}
	alter := func(op kadm.IncrementalOp, key string, value *string) error {
		t.Helper()
		resp, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: op, Name: key, Value: value}}, "ventas")
		if err != nil {
			t.Fatal(err)
		}
		return resp[0].Err
	}
	shown := func(key string) string {
		t.Helper()
		all, err := adm.DescribeTopicConfigs(t.Context(), "ventas")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all[0].Configs {
			if e.Key == key {
				return e.MaybeValue()
			}
		}
		t.Errorf("%s is not shown", key)
		return ""
	}
	for k := range configdef.Keys(configdef.Topic) {
		value, ok := values[k.Name]
		if !ok {
			value = "777777"
			if strings.HasPrefix(k.Name, "compression.") {
				value = "5"
			}
		}
		if value == "" {
			continue
		}
		if err := alter(kadm.SetConfig, k.Name, &value); err != nil {
			t.Errorf("%s=%s: %v", k.Name, value, err)
			continue
		}
		if got := shown(k.Name); got != value {
			t.Errorf("%s is %q, want %q", k.Name, got, value)
		}
		if err := alter(kadm.DeleteConfig, k.Name, nil); err != nil {
			t.Errorf("reset %s: %v", k.Name, err)
		}
		if got := shown(k.Name); got != k.Default {
			t.Errorf("%s is %q after the reset, want %q", k.Name, got, k.Default)
		}
		nonsense := "nonsense"
		if err := alter(kadm.SetConfig, k.Name, &nonsense); k.Type != configdef.List && err != kerr.InvalidConfig {
			t.Errorf("%s=nonsense: %v", k.Name, err)
		}
	}
	one := "1"
	if err := alter(kadm.SetConfig, "no.such.key", &one); err != kerr.InvalidConfig {
		t.Errorf("a key that nobody knows: %v", err)
	}
}
