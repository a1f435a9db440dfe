package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Resource is what a rule is about. As a filter its Name may be nil, for any.
type Resource struct {
	Type    kmsg.ACLResourceType
	Name    *string
	Pattern kmsg.ACLResourcePatternType
}

// ACL is one rule. As a filter its Principal and Host may be nil, for any.
type ACL struct {
	Resource
	Principal, Host *string
	Operation       kmsg.ACLOperation
	Permission      kmsg.ACLPermissionType
}

// Any is the filter that every rule fits.
func Any() ACL {
	return ACL{Resource: Resource{Type: kmsg.ACLResourceTypeAny, Pattern: kmsg.ACLResourcePatternTypeAny}, Operation: kmsg.ACLOperationAny, Permission: kmsg.ACLPermissionTypeAny}
}

// ListACLs lists the rules that fit a filter, by resource, principal and operation.
func ListACLs(ctx context.Context, cl *kgo.Client, filter ACL) ([]ACL, error) {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourceName, req.ResourcePatternType = filter.Type, filter.Name, filter.Pattern
	req.Principal, req.Host, req.Operation, req.PermissionType = filter.Principal, filter.Host, filter.Operation, filter.Permission
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	if err := withMessage(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	var all []ACL
	for _, r := range resp.Resources {
		for _, a := range r.ACLs {
			all = append(all, ACL{Resource{r.ResourceType, &r.ResourceName, r.ResourcePatternType}, &a.Principal, &a.Host, a.Operation, a.PermissionType})
		}
	}
	slices.SortFunc(all, compareACL)
	return all, nil
}

func compareACL(a, b ACL) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(text(a.Name), text(b.Name)), cmp.Compare(a.Pattern, b.Pattern),
		strings.Compare(text(a.Principal), text(b.Principal)), cmp.Compare(a.Operation, b.Operation), strings.Compare(text(a.Host), text(b.Host)),
		cmp.Compare(a.Permission, b.Permission))
}

// CreateACLs creates rules and returns what became of each.
func CreateACLs(ctx context.Context, cl *kgo.Client, rules []ACL) ([]error, error) {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, r := range rules {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = r.Type, text(r.Name), r.Pattern
		c.Principal, c.Host, c.Operation, c.PermissionType = text(r.Principal), text(r.Host), r.Operation, r.Permission
		req.Creations = append(req.Creations, c)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("create rules: %w", err)
	}
	if len(resp.Results) != len(rules) {
		return nil, fmt.Errorf("create rules: %d answers for %d rules", len(resp.Results), len(rules))
	}
	errs := make([]error, len(rules))
	for i, r := range resp.Results {
		errs[i] = withMessage(r.ErrorCode, r.ErrorMessage)
	}
	return errs, nil
}

// DeleteACLs deletes the rules that fit any of the filters and returns them.
func DeleteACLs(ctx context.Context, cl *kgo.Client, filters []ACL) ([]ACL, error) {
	req := kmsg.NewPtrDeleteACLsRequest()
	for _, r := range filters {
		f := kmsg.NewDeleteACLsRequestFilter()
		f.ResourceType, f.ResourceName, f.ResourcePatternType = r.Type, r.Name, r.Pattern
		f.Principal, f.Host, f.Operation, f.PermissionType = r.Principal, r.Host, r.Operation, r.Permission
		req.Filters = append(req.Filters, f)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("delete rules: %w", err)
	}
	var gone []ACL
	for _, r := range resp.Results {
		if err := withMessage(r.ErrorCode, r.ErrorMessage); err != nil {
			return gone, fmt.Errorf("delete rules: %w", err)
		}
		for _, a := range r.MatchingACLs {
			if err := withMessage(a.ErrorCode, a.ErrorMessage); err != nil {
				return gone, fmt.Errorf("delete rule of %s: %w", a.ResourceName, err)
			}
			gone = append(gone, ACL{Resource{a.ResourceType, &a.ResourceName, a.ResourcePatternType}, &a.Principal, &a.Host, a.Operation, a.PermissionType})
		}
	}
	slices.SortFunc(gone, compareACL)
	return gone, nil
}

// withMessage is the error of a code, with what the broker says about it.
func withMessage(code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	if err != nil && text(message) != "" {
		return &BrokerError{Message: *message, Cause: err}
	}
	return err
}

// BrokerError is a refusal that a broker explains.
type BrokerError struct {
	Message string
	Cause   error
}

func (e *BrokerError) Error() string { return e.Message + ": " + e.Cause.Error() }
func (e *BrokerError) Unwrap() error { return e.Cause }
