package handler

// AlterUserSCRAMCredentials (key 51): version 0 (KIP-554).

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/security"
	"github.com/chortal/chortal/broker/internal/server"
)

// maxScramSalt bounds a salt, and a user's name: both stay in memory.
const maxScramSalt = 1024

// alterScramCredentials changes one credential after the other; each user may be named once.
func (s *Security) alterScramCredentials(ctx context.Context, c *server.Conn, req *kmsg.AlterUserSCRAMCredentialsRequest) (*kmsg.AlterUserSCRAMCredentialsResponse, error) {
	resp := kmsg.NewPtrAlterUserSCRAMCredentialsResponse()
	named := map[string]int{}
	for i := range req.Deletions {
		named[req.Deletions[i].Name]++
	}
	for i := range req.Upsertions {
		named[req.Upsertions[i].Name]++
	}
	allowed := s.access(s.metadata.Image(), c).cluster(kmsg.ACLOperationAlter)
	alter := func(name string, record func() (metadata.Record, error)) {
		if named[name] == 0 {
			return // answered with its first mention
		}
		err := s.alterScram(name, named[name], allowed, record)
		if named[name] > 1 {
			named[name] = 0
		}
		if err == nil {
			s.log.InfoContext(ctx, "alter scram credential", "user", name, "principal", c.Principal())
		}
		out := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		out.User, out.ErrorCode, out.ErrorMessage = name, code(err), message(err)
		resp.Results = append(resp.Results, out)
	}
	for i := range req.Deletions {
		alter(req.Deletions[i].Name, func() (metadata.Record, error) { return scramDeletion(&req.Deletions[i]) })
	}
	for i := range req.Upsertions {
		alter(req.Upsertions[i].Name, func() (metadata.Record, error) { return scramUpsertion(&req.Upsertions[i]) })
	}
	return resp, nil
}

func (s *Security) alterScram(name string, times int, allowed bool, record func() (metadata.Record, error)) error {
	switch {
	case !allowed:
		return errCluster
	case name == "" || len(name) > maxScramSalt:
		return fmt.Errorf("Username must not be empty: %w", kerr.UnacceptableCredential) //nolint:staticcheck // Kafka's text
	case times > 1:
		return fmt.Errorf("A user credential cannot be altered twice in the same request: %w", kerr.DuplicateResource) //nolint:staticcheck // Kafka's text
	}
	rec, err := record()
	if err != nil {
		return err
	}
	_, err = s.metadata.Propose([]metadata.Record{rec})
	if _, gone := rec.(*metadata.RemoveScramCredentialRecord); gone && code(err) == kerr.ResourceNotFound.Code {
		return fmt.Errorf("Attempt to delete a user credential that does not exist: %w", kerr.ResourceNotFound) //nolint:staticcheck // Kafka's text
	}
	return err
}

func scramDeletion(in *kmsg.AlterUserSCRAMCredentialsRequestDeletion) (metadata.Record, error) {
	m, err := mechanismOf(in.Mechanism)
	return &metadata.RemoveScramCredentialRecord{User: metadata.ScramUser{Name: in.Name, Mechanism: m}}, err
}

func scramUpsertion(in *kmsg.AlterUserSCRAMCredentialsRequestUpsertion) (metadata.Record, error) {
	m, err := mechanismOf(in.Mechanism)
	switch {
	case err != nil:
		return nil, err
	case in.Iterations < security.MinScramIterations:
		return nil, fmt.Errorf("Too few iterations: %w", kerr.UnacceptableCredential) //nolint:staticcheck // Kafka's text
	case in.Iterations > security.MaxScramIterations:
		return nil, fmt.Errorf("Too many iterations: %w", kerr.UnacceptableCredential) //nolint:staticcheck // Kafka's text
	case len(in.Salt) == 0 || len(in.Salt) > maxScramSalt || len(in.SaltedPassword) == 0 || len(in.SaltedPassword) > maxScramSalt:
		return nil, fmt.Errorf("Salt and salted password must have 1 to %d bytes: %w", maxScramSalt, kerr.UnacceptableCredential) //nolint:staticcheck // Kafka's text
	}
	return &metadata.ScramCredentialRecord{
		User:       metadata.ScramUser{Name: in.Name, Mechanism: m},
		Credential: security.SaltedScramCredential(m, in.SaltedPassword, in.Salt, int(in.Iterations)),
	}, nil
}
