package broker_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/internal/testcluster"
)

// What was acknowledged survives kill -9, and SIGTERM ends a broker under load within five seconds.
func TestKillAndTerminate(t *testing.T) {
	p := testcluster.StartProcess(t, t.TempDir(), nil)
	n := 0
	for range 3 {
		client, err := kgo.NewClient(kgo.SeedBrokers(p.Addr()), kgo.AllowAutoTopicCreation())
		if err != nil {
			t.Fatal(err)
		}
		produce(t, client, "ventas", n, 200)
		n += 200
		p.Kill()
		client.Close()
		p.Start()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	consume(t, client, "ventas", n)
	if d := p.Terminate(); d > 5*time.Second {
		t.Errorf("SIGTERM took %v", d)
	}
	p.Start()
	consume(t, client, "ventas", n)
}

// A broker with a thousand connections, half of which wait for what will not come, ends in order when it is told to, and
// says so to the next start.
func TestTerminateWithManyConnections(t *testing.T) {
	dir := t.TempDir()
	p := testcluster.StartProcess(t, dir, nil)
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Addr()), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	produce(t, client, "ventas", 0, 100)

	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes = 12, 600_000, 1<<20, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "ventas"
	part := kmsg.NewFetchRequestTopicPartition()
	part.FetchOffset, part.PartitionMaxBytes = 100, 1<<20
	topic.Partitions = append(topic.Partitions, part)
	fetch.Topics = append(fetch.Topics, topic)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 3, "caja", "consumer", 60_000, 600_000
	join.Protocols = append(join.Protocols, kmsg.JoinGroupRequestProtocol{Name: "range"})
	versions := kmsg.NewPtrApiVersionsRequest()

	const all = 1000
	var conns []net.Conn
	for i := range all {
		nc, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns = append(conns, nc)
		// Whatever waits is behind an answer that tells that it was read.
		out := kmsg.NewRequestFormatter().AppendRequest(nil, versions, 1)
		switch i % 4 {
		case 0:
			out = kmsg.NewRequestFormatter().AppendRequest(out, fetch, 2)
		case 1:
			out = kmsg.NewRequestFormatter().AppendRequest(out, join, 2)
		case 2:
			out = append(out, 0, 0, 1) // a part of a request
		}
		if _, err := nc.Write(out); err != nil {
			t.Fatal(err)
		}
	}
	for _, nc := range conns {
		_ = nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(nc, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, client, "ventas", 100, 100)
	took := p.Terminate()
	t.Logf("%d connections, SIGTERM took %v", all, took)
	if took > 8*time.Second { // 5 on a machine with nothing else to do
		t.Errorf("SIGTERM took %v", took)
	}
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
		t.Errorf("the shutdown was not clean: %v", err)
	}
	p.Start()
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err == nil {
		t.Error("the next start leaves the mark of the clean shutdown")
	}
	consume(t, client, "ventas", 200)
}
