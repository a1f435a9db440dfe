package metadata_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/metadata"
)

// What security there was is there after a restart, from the log and from a snapshot: a DENY above all.
func TestSecurityRecordsSurvive(t *testing.T) {
	for _, compact := range []int64{0, 1} {
		fsys := fs.NewMem()
		l, err := metadata.Open(fsys, ".", metadata.Options{CompactBytes: compact})
		if err != nil {
			t.Fatal(err)
		}
		acl := func(name string, permission kmsg.ACLPermissionType) metadata.ACL {
			return metadata.ACL{
				Resource: kmsg.ACLResourceTypeTopic, Name: name, Pattern: kmsg.ACLResourcePatternTypePrefixed,
				Principal: "User:alice", Host: "*", Operation: kmsg.ACLOperationRead, Permission: permission,
			}
		}
		allow, deny, gone := acl("a", kmsg.ACLPermissionTypeAllow), acl("a", kmsg.ACLPermissionTypeDeny), acl("b", kmsg.ACLPermissionTypeAllow)
		alice := metadata.ScramUser{Name: "alice", Mechanism: metadata.ScramSHA512}
		bob := metadata.ScramUser{Name: "bob", Mechanism: metadata.ScramSHA256}
		credential := metadata.ScramCredential{Salt: []byte("salt"), StoredKey: []byte("stored"), ServerKey: []byte("server"), Iterations: 4096}
		for _, rec := range []metadata.Record{
			&metadata.ACLRecord{ACL: allow}, &metadata.ACLRecord{ACL: deny}, &metadata.ACLRecord{ACL: deny},
			&metadata.ACLRecord{ACL: gone}, &metadata.RemoveACLRecord{ACL: gone},
			&metadata.ScramCredentialRecord{User: alice, Credential: credential},
			&metadata.ScramCredentialRecord{User: bob, Credential: credential},
			&metadata.RemoveScramCredentialRecord{User: bob},
		} {
			before := l.Image()
			n := before.ACLs().Len()
			if _, err := l.Propose([]metadata.Record{rec}); err != nil {
				t.Fatal(err)
			}
			if before.ACLs().Len() != n {
				t.Fatal("an image changed")
			}
		}
		for _, rec := range []metadata.Record{&metadata.RemoveACLRecord{ACL: gone}, &metadata.RemoveScramCredentialRecord{User: bob}} {
			if _, err := l.Propose([]metadata.Record{rec}); !errors.Is(err, kerr.ResourceNotFound) {
				t.Errorf("%T: %v", rec, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, err = metadata.Open(fsys, ".", metadata.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]metadata.ACL{deny, allow}, l.Image().ACLs().Sorted()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]metadata.ScramUser{alice}, l.Image().ScramUsers()); diff != "" {
			t.Error(diff)
		}
		if got, _ := l.Image().ScramCredential(alice); cmp.Diff(credential, got) != "" {
			t.Error(cmp.Diff(credential, got))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
