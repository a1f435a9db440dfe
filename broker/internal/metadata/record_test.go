package metadata

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Whatever decodes, encodes to the same again; nothing panics.
func FuzzDecodeRecord(f *testing.F) {
	value := "v"
	for _, rec := range []Record{
		&ClusterRecord{ID: "c"},
		&BrokerRecord{ID: 1, Rack: "r", Unclean: true, Endpoints: []Endpoint{{"P", "h", 9}}},
		&TopicRecord{Name: "t", ID: TopicID{1}},
		&PartitionRecord{Topic: TopicID{1}, Index: 1, Replicas: []int32{1, 2}},
		&PartitionChangeRecord{Topic: TopicID{1}, Leader: -1, ISR: []int32{1}, Replicas: []int32{1, 2}},
		&RemoveTopicRecord{ID: TopicID{1}},
		&ConfigRecord{Resource: ConfigResource{TopicResource, "t"}, Key: "k", Value: &value},
		&ConfigRecord{Resource: ConfigResource{BrokerResource, ""}, Key: "k"},
		&ProducerIDsRecord{Broker: 1, Next: 2},
		&FeatureRecord{Name: "f", Level: 1},
		&ACLRecord{ACL: ACL{Resource: 2, Name: "t", Pattern: 3, Principal: "User:a", Host: "*", Operation: 3, Permission: 3}},
		&RemoveACLRecord{ACL: ACL{Resource: 2, Name: "t", Pattern: 4, Principal: "User:a", Host: "*", Operation: 3, Permission: 2}},
		&ScramCredentialRecord{User: ScramUser{"u", ScramSHA256}, Credential: ScramCredential{Salt: []byte("s"), StoredKey: []byte("k"), ServerKey: []byte("v"), Iterations: 4096}},
		&RemoveScramCredentialRecord{User: ScramUser{"u", ScramSHA512}},
		&QuotaRecord{Entity: QuotaEntity{User: QuotaName{QuotaNamed, "u"}, ClientID: QuotaName{Scope: QuotaDefault}}, Key: "producer_byte_rate", Value: 1e6},
		&DelegationTokenRecord{Token: DelegationToken{
			ID: "t", Owner: "User:a", Requester: "User:b", Renewers: []string{"User:c"}, Issued: time.UnixMilli(1), Expires: time.UnixMilli(2), Max: time.UnixMilli(3),
		}},
		&RemoveDelegationTokenRecord{ID: "t"},
		&QuotaRecord{Entity: QuotaEntity{IP: QuotaName{QuotaNamed, "::1"}}, Key: "connection_creation_rate", Remove: true},
		&topicState{&Topic{Name: "t", ID: TopicID{1}, Partitions: []Partition{{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}}, Configs: map[string]string{"a": "b"}}},
		&brokerState{&Broker{ID: 1, Epoch: 2}},
	} {
		src := appendRecord(nil, rec)
		got, err := decodeRecord(src)
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff(src, appendRecord(nil, got)); diff != "" {
			f.Fatalf("%T: %s", rec, diff)
		}
		if _, err := decodeRecord(append(src, 0)); err == nil {
			f.Fatalf("%T: a byte too many was accepted", rec)
		}
		if _, err := decodeRecord(src[:len(src)-1]); err == nil {
			f.Fatalf("%T: a byte too few was accepted", rec)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		rec, err := decodeRecord(src)
		if err != nil {
			return
		}
		again, err := decodeRecord(appendRecord(nil, rec))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(appendRecord(nil, rec), appendRecord(nil, again)); diff != "" {
			t.Fatal(diff)
		}
	})
}
