package handler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

func apiVersions(version int16) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "test", "1.0"
	return req
}

// The versions are those of Kafka 4.4, with low minimums for old clients.
func TestApiVersions(t *testing.T) {
	b := newBroker(t, nil)
	c := b.client()
	served := map[int16][2]int16{
		0: {0, 13}, 1: {4, 18}, 2: {0, 11}, 3: {0, 13}, 18: {0, 5}, 19: {0, 7}, 20: {0, 6}, 21: {0, 2}, 22: {0, 5},
		23: {0, 4}, 32: {0, 4}, 33: {0, 2}, 35: {0, 5}, 37: {0, 3}, 44: {0, 1}, 60: {0, 2}, 61: {0, 0}, 74: {0, 1}, 75: {0, 0},
		48: {0, 1}, 49: {0, 1},
		34: {0, 2}, 43: {0, 2}, 45: {0, 1}, 46: {0, 0}, 55: {0, 2}, 57: {0, 2}, 71: {0, 0}, 72: {0, 0},
	}
	for v := int16(0); v <= 5; v++ {
		resp := do[*kmsg.ApiVersionsResponse](c, apiVersions(v))
		wantCode(t, "api versions", resp.ErrorCode, nil)
		got := map[int16][2]int16{}
		for _, k := range resp.ApiKeys {
			got[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
		}
		if diff := cmp.Diff(served, got); diff != "" {
			t.Errorf("version %d: %s", v, diff)
		}
		if len(resp.SupportedFeatures) != 0 || len(resp.FinalizedFeatures) != 0 {
			t.Errorf("version %d: features that are not there: %+v", v, resp)
		}
	}
	for v, name := range map[int16]string{3: "", 4: "a b", 5: "x!"} {
		req := apiVersions(v)
		req.ClientSoftwareName = name
		wantCode(t, "client name "+name, do[*kmsg.ApiVersionsResponse](c, req).ErrorCode, kerr.InvalidRequest)
	}
	f := func(cluster string, node int32, want *kerr.Error) {
		t.Helper()
		req := apiVersions(5)
		req.ClusterID, req.NodeID = &cluster, node
		wantCode(t, "for cluster "+cluster, do[*kmsg.ApiVersionsResponse](c, req).ErrorCode, want)
	}
	f("cluster", -1, nil)
	f("cluster", node, nil)
	f("other", -1, kerr.RebootstrapRequired)
	f("cluster", 7, kerr.RebootstrapRequired)
}

// A feature is told once its APIs are served, and off when it was turned off.
func TestApiVersionsFeatures(t *testing.T) {
	b := newGroupBroker(t, fs.NewMem())
	c := b.client()
	f := func(version int16, supported, finalized int16) {
		t.Helper()
		resp := do[*kmsg.ApiVersionsResponse](c, apiVersions(version))
		var s, l int16
		for _, f := range resp.SupportedFeatures {
			if f.Name == "group.version" {
				s = f.MaxVersion
			}
		}
		for _, f := range resp.FinalizedFeatures {
			if f.Name == "group.version" {
				l = f.MaxVersionLevel
			}
		}
		if s != supported || l != finalized {
			t.Errorf("version %d: supported %d, finalized %d", version, s, l)
		}
	}
	f(3, 0, 1)
	f(4, 1, 1)
	if _, err := b.meta.Propose([]metadata.Record{&metadata.FeatureRecord{Name: "group.version"}}); err != nil {
		t.Fatal(err)
	}
	f(4, 1, 0)
}
