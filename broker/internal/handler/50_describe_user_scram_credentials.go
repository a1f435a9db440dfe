package handler

// DescribeUserSCRAMCredentials (key 50): version 0 (KIP-554).

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
	"github.com/chortal/chortal/broker/internal/server"
)

func (s *Security) describeScramCredentials(_ context.Context, c *server.Conn, req *kmsg.DescribeUserSCRAMCredentialsRequest) (*kmsg.DescribeUserSCRAMCredentialsResponse, error) {
	resp := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	img := s.metadata.Image()
	if !s.access(img, c).cluster(kmsg.ACLOperationDescribe) {
		resp.ErrorCode, resp.ErrorMessage = code(errCluster), message(errCluster)
		return resp, nil
	}
	infos := map[string][]kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo{}
	var names []string
	for _, u := range img.ScramUsers() {
		if infos[u.Name] == nil {
			names = append(names, u.Name)
		}
		credential, _ := img.ScramCredential(u)
		info := kmsg.NewDescribeUserSCRAMCredentialsResponseResultCredentialInfo()
		info.Mechanism, info.Iterations = int8(u.Mechanism), credential.Iterations
		infos[u.Name] = append(infos[u.Name], info)
	}
	named := map[string]int{}
	if len(req.Users) > 0 {
		names = names[:0]
		for _, u := range req.Users {
			if named[u.Name]++; named[u.Name] == 1 {
				names = append(names, u.Name)
			}
		}
	}
	for _, name := range names {
		out := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		out.User = name
		var err error
		switch {
		case named[name] > 1:
			err = fmt.Errorf("Cannot describe SCRAM credentials for the same user twice in a single request: %s: %w", name, kerr.DuplicateResource) //nolint:staticcheck // Kafka's text
		case infos[name] == nil:
			err = fmt.Errorf("Attempt to describe a user credential that does not exist: %s: %w", name, kerr.ResourceNotFound) //nolint:staticcheck // Kafka's text
		default:
			out.CredentialInfos = infos[name]
		}
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		resp.Results = append(resp.Results, out)
	}
	return resp, nil
}

// mechanismOf reads a mechanism of a request.
func mechanismOf(m int8) (metadata.ScramMechanism, error) {
	switch mechanism := metadata.ScramMechanism(m); mechanism {
	case metadata.ScramSHA256, metadata.ScramSHA512:
		return mechanism, nil
	}
	return 0, fmt.Errorf("Unknown SCRAM mechanism: %w", kerr.UnsupportedSaslMechanism) //nolint:staticcheck // Kafka's text
}
