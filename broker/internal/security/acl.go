package security

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// The longest names and principals that an ACL may have: they stay in memory. A name of Kafka has 249 bytes at most, a
// transactional id may be longer.
const maxACLText = 4096

// operationsOf are the operations that each type of resource has, as one bit each.
func operationsOf(typ kmsg.ACLResourceType) []kmsg.ACLOperation {
	switch typ {
	case kmsg.ACLResourceTypeTopic:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete,
			kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		}
	case kmsg.ACLResourceTypeGroup:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationRead, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribe,
			kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		}
	case kmsg.ACLResourceTypeCluster:
		return []kmsg.ACLOperation{
			kmsg.ACLOperationCreate, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationClusterAction,
			kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationIdempotentWrite,
		}
	}
	return nil
}

// Operations is the bit field of answers to "what may I do": the bit of each operation that allowed says yes to.
func Operations(typ kmsg.ACLResourceType, allowed func(kmsg.ACLOperation) bool) int32 {
	var bits int32
	for _, op := range operationsOf(typ) {
		if allowed(op) {
			bits |= 1 << op
		}
	}
	return bits
}

// CheckACL tells whether an ACL may be added: INVALID_REQUEST with Kafka's text if not.
func CheckACL(a metadata.ACL) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), kerr.InvalidRequest)
	}
	_, _, colon := strings.Cut(a.Principal, ":")
	switch {
	case a.Resource <= kmsg.ACLResourceTypeAny || a.Resource > kmsg.ACLResourceTypeUser:
		return bad("Invalid resourceType %d", a.Resource)
	case a.Pattern != kmsg.ACLResourcePatternTypeLiteral && a.Pattern != kmsg.ACLResourcePatternTypePrefixed:
		return bad("Invalid patternType %s", a.Pattern)
	case a.Permission != kmsg.ACLPermissionTypeAllow && a.Permission != kmsg.ACLPermissionTypeDeny:
		return bad("Invalid permissionType %s", a.Permission)
	case a.Operation <= kmsg.ACLOperationAny || a.Operation > kmsg.ACLOperationDescribeTokens:
		return bad("Invalid operation %s", a.Operation)
	case a.Name == "":
		return bad("Resource name should not be empty")
	case a.Resource == kmsg.ACLResourceTypeCluster && a.Name != metadata.ClusterName && a.Name != anything:
		return bad("The only valid name for the CLUSTER resource is %s", metadata.ClusterName)
	case !colon:
		return bad("Could not parse principal from `%s` (no colon is present separating the principal type from the principal name)", a.Principal)
	case a.Host == "":
		return bad("Host should not be empty")
	case len(a.Name) > maxACLText || len(a.Principal) > maxACLText || len(a.Host) > maxACLText:
		return bad("Name, principal and host of an ACL have at most %d bytes", maxACLText)
	}
	return nil
}

// ACLFilter says which ACLs are meant. A nil text and the value ANY stand for all.
type ACLFilter struct {
	Resource   kmsg.ACLResourceType
	Name       *string
	Pattern    kmsg.ACLResourcePatternType // MATCH: every pattern that matches the name
	Principal  *string
	Host       *string
	Operation  kmsg.ACLOperation
	Permission kmsg.ACLPermissionType
}

// Check refuses what is no filter: INVALID_REQUEST.
func (f *ACLFilter) Check() error {
	for _, unknown := range []struct {
		what string
		is   bool
	}{
		{"resource type", f.Resource < kmsg.ACLResourceTypeAny || f.Resource > kmsg.ACLResourceTypeUser},
		{"pattern type", f.Pattern < kmsg.ACLResourcePatternTypeAny || f.Pattern > kmsg.ACLResourcePatternTypePrefixed},
		{"operation", f.Operation < kmsg.ACLOperationAny || f.Operation > kmsg.ACLOperationDescribeTokens},
		{"permission type", f.Permission < kmsg.ACLPermissionTypeAny || f.Permission > kmsg.ACLPermissionTypeAllow},
	} {
		if unknown.is {
			return fmt.Errorf("The filter has an unknown %s: %w", unknown.what, kerr.InvalidRequest)
		}
	}
	return nil
}

// Matches tells whether the filter means a.
func (f *ACLFilter) Matches(a metadata.ACL) bool {
	is := func(want *string, have string) bool { return want == nil || *want == have }
	return (f.Resource == kmsg.ACLResourceTypeAny || f.Resource == a.Resource) &&
		is(f.Principal, a.Principal) && is(f.Host, a.Host) &&
		(f.Operation == kmsg.ACLOperationAny || f.Operation == a.Operation) &&
		(f.Permission == kmsg.ACLPermissionTypeAny || f.Permission == a.Permission) &&
		f.matchesPattern(a)
}

func (f *ACLFilter) matchesPattern(a metadata.ACL) bool {
	switch f.Pattern {
	case kmsg.ACLResourcePatternTypeAny:
		return f.Name == nil || *f.Name == a.Name
	case kmsg.ACLResourcePatternTypeMatch:
		switch {
		case f.Name == nil || *f.Name == a.Name:
			return true
		case a.Pattern == kmsg.ACLResourcePatternTypePrefixed:
			return strings.HasPrefix(*f.Name, a.Name)
		}
		return a.Name == anything
	}
	return f.Pattern == a.Pattern && (f.Name == nil || *f.Name == a.Name)
}
