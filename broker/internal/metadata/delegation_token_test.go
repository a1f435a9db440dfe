package metadata_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

func TestDelegationTokens(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	one := metadata.DelegationToken{
		ID: "one", Owner: "User:ana", Requester: "User:bea", Renewers: []string{"User:carl", "User:dora"}, Issued: at(1), Expires: at(20), Max: at(30),
	}
	two := metadata.DelegationToken{ID: "two", Owner: "User:ana", Requester: "User:ana", Issued: at(2), Expires: at(3), Max: at(4)}
	files := fs.NewMem()
	log, err := metadata.Open(files, ".", metadata.Options{})
	if err != nil {
		t.Fatal(err)
	}
	propose := func(want error, rec metadata.Record) {
		t.Helper()
		if _, err := log.Propose([]metadata.Record{rec}); !errors.Is(err, want) {
			t.Errorf("%+v: %v", rec, err)
		}
	}
	check := func(want ...metadata.DelegationToken) {
		t.Helper()
		var got []metadata.DelegationToken
		for _, token := range log.Image().DelegationTokens() {
			got = append(got, *token)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	propose(nil, &metadata.DelegationTokenRecord{Token: two})
	propose(nil, &metadata.DelegationTokenRecord{Token: one})
	propose(kerr.InvalidRequest, &metadata.DelegationTokenRecord{})
	check(one, two)
	one.Expires = at(25)
	propose(nil, &metadata.DelegationTokenRecord{Token: one})
	propose(nil, &metadata.RemoveDelegationTokenRecord{ID: "two"})
	propose(kerr.DelegationTokenNotFound, &metadata.RemoveDelegationTokenRecord{ID: "two"})
	check(one)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if log, err = metadata.Open(files, ".", metadata.Options{}); err != nil {
		t.Fatal(err)
	}
	check(one)
	for who, want := range map[string]bool{"User:ana": true, "User:bea": true, "User:carl": true, "User:eva": false} {
		if one.OwnerOrRenewer(who) != want {
			t.Errorf("%s: %v", who, !want)
		}
	}
	if one.Expired(at(25)) || !one.Expired(at(26)) {
		t.Error("expiry")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
