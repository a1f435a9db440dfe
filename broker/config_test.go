package broker

import (
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProperties(t *testing.T) {
	f := func(text string, broker, rest map[string]string) {
		t.Helper()
		c, got, err := ParseProperties(strings.NewReader(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if diff := cmp.Diff(broker, c.Properties); diff != "" {
			t.Errorf("%q: broker keys:\n%s", text, diff)
		}
		if diff := cmp.Diff(rest, got); diff != "" {
			t.Errorf("%q: other keys:\n%s", text, diff)
		}
	}
	type m = map[string]string
	f("", m{}, m{})
	f("# comment\n! comment\n\n  num.partitions = 3  \n", m{"num.partitions": "3"}, m{})
	f("num.partitions:3\nbroker.rack a b\nlog.dirs=\n", m{"num.partitions": "3", "broker.rack": "a b", "log.dirs": ""}, m{})
	f("log.dirs=/a,\\\n    /b\n", m{"log.dirs": "/a,/b"}, m{})
	f("log.dirs=c:\\\\data\nbroker.rack=\\u00e9\\t.\n", m{"log.dirs": `c:\data`, "broker.rack": "é\t."}, m{})
	f("broker.rack=ends in a backslash\\\\\nnum.partitions=1", m{"broker.rack": `ends in a backslash\`, "num.partitions": "1"}, m{})
	f("num.partitions=1\nnum.partitions=2\n", m{"num.partitions": "2"}, m{})
	f("num.partitions=1\r\nbroker.rack=x\r\n", m{"num.partitions": "1", "broker.rack": "x"}, m{})
	f("sql.listeners=http://x:1\nadmin.listeners=\nstate.dir=s\nno.such.key=1\n", m{},
		m{"sql.listeners": "http://x:1", "admin.listeners": "", "state.dir": "s", "no.such.key": "1"})
	f("listener.name.internal.ssl.keystore.location=k\ndurability=none\n",
		m{"listener.name.internal.ssl.keystore.location": "k", "durability": "none"}, m{})
	if _, _, err := ParseProperties(strings.NewReader("broker.rack=\\u12")); err == nil {
		t.Error("a cut escape is accepted")
	}
}

// The file that Kafka ships starts a broker as it is.
func TestKafkasOwnFile(t *testing.T) {
	const file = `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`
	c, rest, err := ParseProperties(strings.NewReader(file))
	if err != nil || len(rest) != 0 {
		t.Fatal(rest, err)
	}
	s, err := c.settings()
	if err != nil {
		t.Fatal(err)
	}
	want := []endpoint{{name: "PLAINTEXT", protocol: "PLAINTEXT", port: 9092, advertisedHost: "localhost", advertisedPort: 9092}}
	if diff := cmp.Diff(want, s.endpoints, cmp.AllowUnexported(endpoint{})); diff != "" {
		t.Error(diff)
	}
	if len(s.unknown) != 0 || s.nodeID != 1 || s.dirs[0] != "/tmp/kraft-combined-logs" {
		t.Errorf("%+v", s)
	}
}

func TestConfigDefaults(t *testing.T) {
	s, err := Config{}.settings()
	if err != nil {
		t.Fatal(err)
	}
	want := []endpoint{{name: "PLAINTEXT", protocol: "PLAINTEXT", host: "127.0.0.1", port: 9092}}
	if diff := cmp.Diff(want, s.endpoints, cmp.AllowUnexported(endpoint{})); diff != "" {
		t.Error(diff)
	}
	if s.nodeID != 1 || len(s.dirs) != 1 || s.dirs[0] != DefaultLogDir || s.durability != "fsync" {
		t.Errorf("%+v", s)
	}
	if s, err = (Config{InMemory: true}).settings(); err != nil || len(s.endpoints) != 0 {
		t.Errorf("in memory: %v, %v", s.endpoints, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	bad := func(name string, c Config) {
		t.Helper()
		if _, err := c.settings(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	props := func(kv ...string) Config {
		m := make(map[string]string)
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return Config{Properties: m}
	}
	bad("no number", props("num.partitions", "many"))
	bad("out of range", props("num.partitions", "0"))
	bad("durability", Config{Durability: "maybe"})
	bad("address", Config{Listeners: []string{"nonsense"}})
	bad("port", Config{Listeners: []string{"127.0.0.1:99999"}})
	bad("listener twice", Config{Listeners: []string{"127.0.0.1:1", "127.0.0.1:2"}})
	bad("protocol", Config{Listeners: []string{"SSL://127.0.0.1:1"}})
	bad("listener without protocol", Config{Listeners: []string{"INSIDE://127.0.0.1:1"}})
	bad("advertised wildcard", Config{AdvertisedListeners: []string{"0.0.0.0:9092"}})
	bad("advertised without listener", Config{AdvertisedListeners: []string{"OTHER://h:9092"}})
	bad("two ids", props("node.id", "1", "broker.id", "2"))
	bad("role", props("process.roles", "broker,cook"))

	good := func(name string, c Config) *settings {
		t.Helper()
		s, err := c.settings()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return s
	}
	good("named listener", props("listeners", "IN://127.0.0.1:1,OUT://[::1]:2", "listener.security.protocol.map", "IN:PLAINTEXT,OUT:PLAINTEXT"))
	if s := good("old id", props("broker.id", "7")); s.nodeID != 7 {
		t.Errorf("broker.id gives node %d", s.nodeID)
	}
	if s := good("field over property", Config{NodeID: 3, Properties: map[string]string{"broker.id": "7"}}); s.nodeID != 3 {
		t.Errorf("NodeID gives node %d", s.nodeID)
	}
	s := good("unknown and unused keys", props("no.such.key", "1", "num.network.threads", "3", "zookeeper.connect", "z:1"))
	if diff := cmp.Diff([]string{"no.such.key"}, s.unknown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"num.network.threads"}, s.unused); diff != "" {
		t.Error(diff)
	}
}

func TestKeysThatProtectNothingAreNamed(t *testing.T) {
	var out strings.Builder
	c := Config{
		InMemory: true, Logger: slog.New(slog.NewTextHandler(&out, nil)), Listeners: []string{"0.0.0.0:0"},
		Properties: map[string]string{"create.topic.policy.class.name": "x", "no.such.key": "1", "num.io.threads": "8"},
	}
	s, err := c.settings()
	if err != nil {
		t.Fatal(err)
	}
	s.logStart()
	for _, want := range []string{
		`level=WARN msg="unknown configuration keys" keys=no.such.key`,
		`keys=create.topic.policy.class.name,num.io.threads`,
		`protect nothing here" keys=create.topic.policy.class.name` + "\n",
		`level=WARN msg="listener without authentication is open to the network" listener=PLAINTEXT`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}

// The keys that a broker must take from Kafka's users.
func TestKeysOfKafkaAreKnown(t *testing.T) {
	const keys = `node.id broker.id process.roles listeners advertised.listeners listener.security.protocol.map inter.broker.listener.name
controller.listener.names controller.quorum.voters controller.quorum.bootstrap.servers log.dirs log.dir num.partitions
default.replication.factor min.insync.replicas auto.create.topics.enable delete.topic.enable log.retention.ms
log.retention.minutes log.retention.hours log.retention.bytes log.retention.check.interval.ms log.segment.bytes log.roll.ms
log.roll.hours log.cleanup.policy log.cleaner.enable log.cleaner.threads log.cleaner.delete.retention.ms log.flush.interval.messages
log.flush.interval.ms message.max.bytes socket.request.max.bytes max.connections max.connections.per.ip
connections.max.idle.ms offsets.topic.num.partitions offsets.topic.replication.factor offsets.retention.minutes
group.min.session.timeout.ms group.max.session.timeout.ms group.initial.rebalance.delay.ms transaction.state.log.num.partitions
transaction.state.log.replication.factor transaction.state.log.min.isr transactional.id.expiration.ms compression.type
unclean.leader.election.enable replica.lag.time.max.ms num.replica.fetchers authorizer.class.name super.users
allow.everyone.if.no.acl.found sasl.enabled.mechanisms ssl.keystore.location ssl.keystore.type ssl.truststore.location
ssl.key.password broker.rack num.network.threads num.io.threads socket.send.buffer.bytes socket.receive.buffer.bytes
num.recovery.threads.per.data.dir zookeeper.connect durability sql.listeners admin.listeners state.dir validate.records`
	var file strings.Builder
	for key := range strings.FieldsSeq(keys) {
		file.WriteString(key + "=\n")
	}
	c, rest, err := ParseProperties(strings.NewReader(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sql.listeners": "", "admin.listeners": "", "state.dir": ""}
	if diff := cmp.Diff(want, rest); diff != "" || len(c.Properties) != len(strings.Fields(keys))-len(want) {
		t.Errorf("%d keys are the broker's\n%s", len(c.Properties), diff)
	}
}

func TestPropertiesAreNotChanged(t *testing.T) {
	p := map[string]string{"num.partitions": "3"}
	before := maps.Clone(p)
	if _, err := (Config{Properties: p, NodeID: 9, Logger: slog.Default()}).settings(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, p); diff != "" {
		t.Error(diff)
	}
}

// inter.broker.listener.name is checked as Kafka checks it.
func TestInterBrokerListener(t *testing.T) {
	f := func(properties map[string]string, want string) {
		t.Helper()
		properties["listeners"] = "PLAINTEXT://127.0.0.1:0,INTERNAL://127.0.0.1:0"
		properties["listener.security.protocol.map"] = "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT"
		_, err := Config{InMemory: true, Properties: properties}.settings()
		if got := ""; err != nil {
			if got = err.Error(); want == "" || !strings.Contains(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		} else if want != "" {
			t.Errorf("%v is accepted", properties)
		}
	}
	f(map[string]string{}, "")
	f(map[string]string{"inter.broker.listener.name": "internal"}, "")
	f(map[string]string{"security.inter.broker.protocol": "PLAINTEXT"}, "")
	f(map[string]string{"inter.broker.listener.name": "OTHER"}, "there is no listener OTHER")
	f(map[string]string{"inter.broker.listener.name": "INTERNAL", "security.inter.broker.protocol": "PLAINTEXT"}, "only one of them")
}
