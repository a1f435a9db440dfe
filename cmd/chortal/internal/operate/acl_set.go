package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ACLSet is rules as an operator thinks of them: every principal and host with every operation on every resource.
type ACLSet struct {
	Topics, Groups, TransactionalIDs, Tokens, Users []string
	Cluster                                         bool
	Pattern                                         string // literal, prefixed; for filters any and match as well; empty is literal
	Allow, Deny                                     []string
	AllowHosts, DenyHosts                           []string // empty: all hosts
	Operations                                      []string // empty: all
	Producer, Consumer, Idempotent                  bool
}

// clusterName is the name of the only cluster resource.
const clusterName = "kafka-cluster"

// grant is operations on resources.
type grant struct {
	resource   Resource
	operations []kmsg.ACLOperation
}

func (s ACLSet) pattern() (kmsg.ACLResourcePatternType, error) {
	if s.Pattern == "" {
		return kmsg.ACLResourcePatternTypeLiteral, nil
	}
	p, err := kmsg.ParseACLResourcePatternType(s.Pattern)
	if err != nil || p == kmsg.ACLResourcePatternTypeUnknown {
		return 0, fmt.Errorf("resource pattern type %q: want literal, prefixed, match or any", s.Pattern)
	}
	return p, nil
}

// resources lists what is named.
func (s ACLSet) resources() ([]Resource, error) {
	pattern, err := s.pattern()
	if err != nil {
		return nil, err
	}
	var all []Resource
	for _, kind := range []struct {
		of    kmsg.ACLResourceType
		names []string
	}{
		{kmsg.ACLResourceTypeTopic, s.Topics},
		{kmsg.ACLResourceTypeGroup, s.Groups},
		{kmsg.ACLResourceTypeTransactionalId, s.TransactionalIDs},
		{kmsg.ACLResourceTypeDelegationToken, s.Tokens},
		{kmsg.ACLResourceTypeUser, s.Users},
	} {
		for _, name := range kind.names {
			all = append(all, Resource{kind.of, &name, pattern})
		}
	}
	if s.Cluster || s.Idempotent {
		name := clusterName
		all = append(all, Resource{kmsg.ACLResourceTypeCluster, &name, kmsg.ACLResourcePatternTypeLiteral})
	}
	return all, nil
}

func (s ACLSet) operations() ([]kmsg.ACLOperation, error) {
	if len(s.Operations) == 0 {
		return []kmsg.ACLOperation{kmsg.ACLOperationAll}, nil
	}
	var all []kmsg.ACLOperation
	for _, name := range s.Operations {
		op, err := kmsg.ParseACLOperation(name)
		if err != nil || op == kmsg.ACLOperationUnknown || op == kmsg.ACLOperationAny {
			return nil, fmt.Errorf("operation %q: want %s", name, strings.Join(operationNames(), ", "))
		}
		all = append(all, op)
	}
	return all, nil
}

func operationNames() []string {
	var names []string
	for op := kmsg.ACLOperationAll; op <= kmsg.ACLOperationDescribeTokens; op++ {
		names = append(names, strings.ToLower(op.String()))
	}
	return names
}

// grants lists what is granted on which resource.
func (s ACLSet) grants() ([]grant, error) {
	if s.Producer || s.Consumer {
		return s.roleGrants()
	}
	resources, err := s.resources()
	if err != nil {
		return nil, err
	}
	operations, err := s.operations()
	if err != nil {
		return nil, err
	}
	var all []grant
	for _, r := range resources {
		if r.Type == kmsg.ACLResourceTypeCluster && s.Idempotent && !s.Cluster {
			all = append(all, grant{r, []kmsg.ACLOperation{kmsg.ACLOperationIdempotentWrite}})
			continue
		}
		for _, op := range operations {
			if !allowedOn(r.Type, op) {
				return nil, fmt.Errorf("operation %s has no meaning for a %s", strings.ToLower(op.String()), strings.ToLower(r.Type.String()))
			}
		}
		all = append(all, grant{r, operations})
	}
	return all, nil
}

// allowedOn tells which operations a kind of resource knows.
func allowedOn(of kmsg.ACLResourceType, op kmsg.ACLOperation) bool {
	if op == kmsg.ACLOperationAll {
		return true
	}
	known := map[kmsg.ACLResourceType][]kmsg.ACLOperation{
		kmsg.ACLResourceTypeTopic: {
			kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDescribe, kmsg.ACLOperationDelete,
			kmsg.ACLOperationAlter, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		},
		kmsg.ACLResourceTypeGroup: {
			kmsg.ACLOperationRead, kmsg.ACLOperationDescribe, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		},
		kmsg.ACLResourceTypeCluster: {
			kmsg.ACLOperationCreate, kmsg.ACLOperationClusterAction, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
			kmsg.ACLOperationIdempotentWrite, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe,
		},
		kmsg.ACLResourceTypeTransactionalId: {kmsg.ACLOperationDescribe, kmsg.ACLOperationWrite, kmsg.ACLOperation(15)},
		kmsg.ACLResourceTypeDelegationToken: {kmsg.ACLOperationDescribe},
		kmsg.ACLResourceTypeUser:            {kmsg.ACLOperationCreateTokens, kmsg.ACLOperationDescribeTokens},
	}
	return slices.Contains(known[of], op)
}

// roleGrants is what a producer and a consumer need.
func (s ACLSet) roleGrants() ([]grant, error) {
	if len(s.Topics) == 0 {
		return nil, errors.New("a producer or consumer needs --topic")
	}
	if s.Consumer && len(s.Groups) == 0 {
		return nil, errors.New("a consumer needs --group")
	}
	if len(s.Operations) > 0 {
		return nil, errors.New("--operation does not go with --producer or --consumer")
	}
	if s.Cluster {
		return nil, errors.New("--cluster does not go with --producer or --consumer")
	}
	resources, err := s.resources()
	if err != nil {
		return nil, err
	}
	var all []grant
	for _, r := range resources {
		var ops []kmsg.ACLOperation
		switch r.Type {
		case kmsg.ACLResourceTypeTopic:
			if s.Producer {
				ops = append(ops, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationCreate)
			}
			if s.Consumer {
				ops = append(ops, kmsg.ACLOperationRead, kmsg.ACLOperationDescribe)
			}
		case kmsg.ACLResourceTypeGroup:
			if s.Consumer {
				ops = append(ops, kmsg.ACLOperationRead)
			}
		case kmsg.ACLResourceTypeTransactionalId:
			if s.Producer {
				ops = append(ops, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe)
			}
		case kmsg.ACLResourceTypeCluster:
			ops = append(ops, kmsg.ACLOperationIdempotentWrite)
		}
		slices.Sort(ops)
		if ops = slices.Compact(ops); len(ops) > 0 {
			all = append(all, grant{r, ops})
		}
	}
	return all, nil
}

// Rules lists the rules of the set. A mistake of the operator is an error.
func (s ACLSet) Rules() ([]ACL, error) {
	grants, err := s.grants()
	if err != nil {
		return nil, err
	}
	switch {
	case len(grants) == 0:
		return nil, errors.New("rules of what? want --topic, --group, --cluster, --transactional-id, --delegation-token or --user-principal")
	case len(s.Allow)+len(s.Deny) == 0:
		return nil, errors.New("rules for whom? want --allow-principal or --deny-principal")
	case len(s.AllowHosts) > 0 && len(s.Allow) == 0 || len(s.DenyHosts) > 0 && len(s.Deny) == 0:
		return nil, errors.New("a host needs a principal of the same kind")
	case (s.Producer || s.Consumer) && len(s.Deny) > 0:
		return nil, errors.New("--producer and --consumer allow: they do not go with --deny-principal")
	}
	if p, _ := s.pattern(); p != kmsg.ACLResourcePatternTypeLiteral && p != kmsg.ACLResourcePatternTypePrefixed {
		return nil, fmt.Errorf("resource pattern type %q: a rule is literal or prefixed", s.Pattern)
	}
	var all []ACL
	for _, g := range grants {
		for _, side := range []struct {
			permission        kmsg.ACLPermissionType
			principals, hosts []string
		}{{kmsg.ACLPermissionTypeAllow, s.Allow, s.AllowHosts}, {kmsg.ACLPermissionTypeDeny, s.Deny, s.DenyHosts}} {
			hosts := side.hosts
			if len(hosts) == 0 {
				hosts = []string{"*"}
			}
			for _, who := range side.principals {
				if kind, name, ok := strings.Cut(who, ":"); !ok || kind == "" || name == "" {
					return nil, fmt.Errorf("principal %q: want type:name, such as User:ana", who)
				}
				for _, host := range hosts {
					for _, op := range g.operations {
						all = append(all, ACL{g.resource, &who, &host, op, side.permission})
					}
				}
			}
		}
	}
	return all, nil
}

// Filters lists one filter for each resource that is named; without any, one for everything.
func (s ACLSet) Filters() ([]ACL, error) {
	resources, err := s.resources()
	if err != nil {
		return nil, err
	}
	if len(resources) == 0 {
		any := Any()
		if any.Pattern, err = s.pattern(); err != nil {
			return nil, err
		}
		return []ACL{any}, nil
	}
	var all []ACL
	for _, r := range resources {
		f := Any()
		f.Resource = r
		all = append(all, f)
	}
	return all, nil
}

// RemoveFilters lists filters for what shall be deleted: the rules of the set, or without principals all rules of its resources.
func (s ACLSet) RemoveFilters() ([]ACL, error) {
	if len(s.Allow)+len(s.Deny) > 0 {
		pattern := s.Pattern
		s.Pattern = ""
		rules, err := s.Rules()
		if err != nil {
			return nil, err
		}
		s.Pattern = pattern
		p, err := s.pattern()
		if err != nil {
			return nil, err
		}
		for i := range rules {
			if rules[i].Type != kmsg.ACLResourceTypeCluster {
				rules[i].Pattern = p
			}
		}
		return rules, nil
	}
	resources, err := s.resources()
	if err != nil {
		return nil, err
	}
	if len(resources) == 0 {
		return nil, errors.New("rules of what? want --topic, --group, --cluster, --transactional-id, --delegation-token or --user-principal")
	}
	return s.Filters()
}

// FindACLs lists the rules that fit any of the filters, and belong to one of the principals where there are any.
func FindACLs(ctx context.Context, cl *kgo.Client, filters []ACL, principals []string) ([]ACL, error) {
	var all []ACL
	for _, f := range filters {
		found, err := ListACLs(ctx, cl, f)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, compareACL)
	all = slices.CompactFunc(all, func(a, b ACL) bool { return compareACL(a, b) == 0 })
	if len(principals) > 0 {
		all = slices.DeleteFunc(all, func(a ACL) bool { return !slices.Contains(principals, text(a.Principal)) })
	}
	return all, nil
}
