package broker_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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
