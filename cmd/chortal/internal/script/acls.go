package script

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/operate"
)

func aclsTool() Tool {
	return Tool{
		Name: "kafka-acls", About: "This tool helps to manage acls on kafka.", run: runACLs,
		flags: []flag{
			{"add", "", "Add ACLs."},
			{"remove", "", "Remove ACLs."},
			{"list", "", "List ACLs for the given resources."},
			{"topic", "topic", "Topic, or * for all."},
			{"group", "group", "Consumer group, or * for all."},
			{"cluster", "", "The cluster."},
			{"transactional-id", "transactional-id", "Transactional id, or * for all."},
			{"delegation-token", "delegation-token", "Delegation token."},
			{"user-principal", "user-principal", "User principal whose tokens are managed."},
			{"resource-pattern-type", "ANY|MATCH|LITERAL|PREFIXED", "The type of the resource pattern, default literal."},
			{"allow-principal", "allow-principal", "Principal that is allowed, as type:name."},
			{"deny-principal", "deny-principal", "Principal that is denied."},
			{"principal", "principal", "Principal whose ACLs are listed."},
			{"allow-host", "allow-host", "Host from which it is allowed."},
			{"deny-host", "deny-host", "Host from which it is denied."},
			{"operation", "operation", "Operation, default all."},
			{"producer", "", "What a producer needs."},
			{"consumer", "", "What a consumer needs."},
			{"idempotent", "", "Idempotent writes for the producer."},
			{"force", "", "Assume yes."},
		},
	}
}

func runACLs(ctx context.Context, c *call) error {
	action, err := c.exactlyOne("--list, --add, --remove. ", "list", "add", "remove")
	if err != nil {
		return err
	}
	set := operate.ACLSet{
		Topics: c.values["topic"], Groups: c.values["group"], TransactionalIDs: c.values["transactional-id"], Tokens: c.values["delegation-token"], Users: c.values["user-principal"],
		Cluster: c.has("cluster"), Pattern: c.value("resource-pattern-type"), Allow: c.values["allow-principal"], Deny: c.values["deny-principal"],
		AllowHosts: c.values["allow-host"], DenyHosts: c.values["deny-host"], Operations: c.values["operation"],
		Producer: c.has("producer"), Consumer: c.has("consumer"), Idempotent: c.has("idempotent"),
	}
	if action == "add" && len(set.Allow)+len(set.Deny) == 0 {
		return misuse("You must specify one of: --allow-principal, --deny-principal when trying to add ACLs.")
	}
	ctx, cancel, err := c.admin(ctx)
	if err == nil {
		defer cancel()
		actions := map[string]func(context.Context, operate.ACLSet) error{"list": c.listACLs, "add": c.addACLs, "remove": c.removeACLs}
		err = actions[action](ctx, set)
	}
	if err == nil {
		return nil
	}
	c.printf("Error while executing ACL command: %s\n", javaText(err))
	return exitError(1)
}

// byResource prints rules below their resource.
func (c *call) byResource(rules []operate.ACL, heading func(resource string), end string, lead string) {
	for i := 0; i < len(rules); {
		resource := resourceText(rules[i].Resource)
		heading(resource)
		c.printf("%s", lead)
		for ; i < len(rules) && resourceText(rules[i].Resource) == resource; i++ {
			r := rules[i]
			c.printf("\t(principal=%s, host=%s, operation=%s, permissionType=%s)\n", *r.Principal, *r.Host, r.Operation, r.Permission)
		}
		c.printf("%s", end)
	}
}

func resourceText(r operate.Resource) string {
	return fmt.Sprintf("ResourcePattern(resourceType=%s, name=%s, patternType=%s)", r.Type, *r.Name, r.Pattern)
}

func (c *call) listACLs(ctx context.Context, set operate.ACLSet) error {
	if set.Pattern == "" && len(set.Topics)+len(set.Groups)+len(set.TransactionalIDs)+len(set.Tokens)+len(set.Users) == 0 {
		set.Pattern = "any"
	}
	filters, err := set.Filters()
	if err != nil {
		return err
	}
	show := func(rules []operate.ACL) {
		c.byResource(rules, func(r string) { c.printf("Current ACLs for resource `%s`:\n", r) }, "\n", "")
	}
	principals := c.values["principal"]
	if len(principals) == 0 {
		rules, err := operate.FindACLs(ctx, c.cl, filters, nil)
		show(rules)
		return err
	}
	for _, p := range principals {
		c.printf("ACLs for principal `%s`\n", p)
		rules, err := operate.FindACLs(ctx, c.cl, filters, []string{p})
		if err != nil {
			return err
		}
		show(rules)
	}
	return nil
}

func (c *call) addACLs(ctx context.Context, set operate.ACLSet) error {
	rules, err := set.Rules()
	if err != nil {
		return err
	}
	c.byResource(rules, func(r string) { c.printf("Adding ACLs for resource `%s`: \n", r) }, "\n", " ")
	errs, err := operate.CreateACLs(ctx, c.cl, rules)
	return errors.Join(append(errs, err)...)
}

func (c *call) removeACLs(ctx context.Context, set operate.ACLSet) error {
	filters, err := set.RemoveFilters()
	if err != nil {
		return err
	}
	if !c.has("force") {
		c.printf("Are you sure you want to remove these ACLs? (y/n)\n")
		answer, _ := bufio.NewReader(c.In).ReadString('\n')
		if !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
			return nil
		}
	}
	_, err = operate.DeleteACLs(ctx, c.cl, filters)
	return err
}
