package partition_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/chortal/chortal/broker/internal/configdef"
	"github.com/chortal/chortal/broker/internal/partition"
)

// Every key of a topic that has an effect changes what the partitions go by.
func TestEveryTopicKeyReachesThePartition(t *testing.T) {
	values := map[string]string{
		"cleanup.policy": "compact", "compression.type": "gzip", "message.timestamp.type": "LogAppendTime",
		"preallocate": "true", "validate.records": "full", "min.cleanable.dirty.ratio": "0.9",
	}
	for k := range configdef.Keys(configdef.Topic) {
		if k.Unused {
			continue
		}
		set := map[string]string{k.Name: "5"}
		if v, ok := values[k.Name]; ok {
			set[k.Name] = v
		}
		before := map[string]string{}
		if codec, _, ok := strings.Cut(strings.TrimPrefix(k.Name, "compression."), ".level"); ok {
			set["compression.type"], before["compression.type"] = codec, codec
		}
		parse := func(set map[string]string) partition.TopicConfig {
			t.Helper()
			l := configdef.Layers{Override: set}
			c, err := partition.ParseTopicConfig(func(key string) string { return l.Text(configdef.Topic, key) })
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if a, b := parse(before), parse(set); reflect.DeepEqual(a, b) {
			t.Errorf("%s=%s changes nothing", k.Name, set[k.Name])
		}
	}
}
