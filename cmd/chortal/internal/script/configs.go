package script

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chortal/chortal/cmd/chortal/internal/clientconf"
	"github.com/chortal/chortal/cmd/chortal/internal/operate"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func configsTool() Tool {
	return Tool{
		Name: "kafka-configs", About: "Add or remove entity configs of topics, brokers, users, clients, ips, groups or client metrics.", run: runConfigs,
		flags: []flag{
			{"describe", "", "List configs of the given entity."},
			{"alter", "", "Alter the configuration of the entity."},
			{"all", "", "List all configs, defaults included."},
			{"entity-type", "type", "topics, brokers, users, clients, ips, groups, client-metrics, broker-loggers"},
			{"entity-name", "name", "Name of the entity."},
			{"entity-default", "", "The default entity of its type."},
			{"topic", "topic", "The topic's name."},
			{"broker", "broker", "The broker's id."},
			{"user", "user", "The user's principal name."},
			{"client", "client", "The client's id."},
			{"ip", "ip", "The IP address."},
			{"group", "group", "The group's id."},
			{"client-metrics", "name", "The subscription's name."},
			{"broker-logger", "broker", "The broker whose loggers are meant."},
			{"broker-defaults", "", "The configuration of all brokers."},
			{"user-defaults", "", "The default quotas of users."},
			{"client-defaults", "", "The default quotas of clients."},
			{"ip-defaults", "", "The default quotas of IP addresses."},
			{"add-config", "configs", "Configs to add: 'k1=v1,k2=[v1,v2],k3=v3'"},
			{"add-config-file", "file", "Properties file with configs to add."},
			{"delete-config", "names", "Names of configs to remove: 'k1,k2'"},
			{"force", "", "Suppress console prompts."},
		},
	}
}

// entity is one entity of a command line. Without a name it stands for all of its type, or with byDefault for their default.
type entity struct {
	kind, name string
	named      bool
	byDefault  bool
}

// entities reads the entities in the order of the command line.
func (c *call) entities() ([]entity, error) {
	var all []entity
	next := 0 // the entity that the next name belongs to
	short := map[string]string{"topic": "topics", "broker": "brokers", "user": "users", "client": "clients", "ip": "ips", "group": "groups", "client-metrics": "client-metrics", "broker-logger": "broker-loggers"}
	for i, arg := range c.args {
		name, value, inline := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !strings.HasPrefix(arg, "--") {
			continue
		}
		if !inline && i+1 < len(c.args) {
			value = c.args[i+1]
		}
		plain, defaults := strings.CutSuffix(name, "-defaults")
		switch {
		case name == "entity-type":
			all = append(all, entity{kind: value})
		case (name == "entity-name" || name == "entity-default") && next < len(c.values["entity-type"]):
			for len(all) <= next { // a name may stand before its type
				all = append(all, entity{kind: c.values["entity-type"][len(all)]})
			}
			all[next].name, all[next].named, all[next].byDefault = value, name == "entity-name", name == "entity-default"
			next++
		case defaults && short[plain] != "":
			all = append(all, entity{kind: short[plain], byDefault: true})
		case short[name] != "":
			all = append(all, entity{kind: short[name], name: value, named: true})
		}
	}
	all = all[:min(len(all), 2)]
	if len(all) == 0 {
		return nil, misuse("At least one entity type must be specified")
	}
	for i, e := range all {
		if _, _, err := e.resource(); err != nil && !slices.Contains([]string{"users", "clients", "ips"}, e.kind) {
			return nil, misuse("Invalid entity type %s, the entity type must be one of topics, clients, users, brokers, ips, client-metrics, groups, broker-loggers", e.kind)
		}
		if quota := func(k string) bool { return k == "users" || k == "clients" }; i > 0 && (!quota(e.kind) || !quota(all[0].kind) || e.kind == all[0].kind) {
			return nil, misuse("Only 'users' and 'clients' entity types may be specified together")
		}
	}
	return all, nil
}

func (e entity) resource() (kmsg.ConfigResourceType, string, error) {
	kinds := map[string]kmsg.ConfigResourceType{
		"topics": kmsg.ConfigResourceTypeTopic, "brokers": kmsg.ConfigResourceTypeBroker, "broker-loggers": kmsg.ConfigResourceTypeBrokerLogger,
		"groups": kmsg.ConfigResourceTypeGroupConfig, "client-metrics": kmsg.ConfigResourceTypeClientMetrics,
	}
	kind, ok := kinds[e.kind]
	if !ok {
		return 0, "", fmt.Errorf("%s have no configs of their own", e.kind)
	}
	return kind, e.name, nil
}

func runConfigs(ctx context.Context, c *call) error {
	action, err := c.exactlyOne("--describe, --alter", "describe", "alter")
	if err != nil {
		return err
	}
	entities, err := c.entities()
	if err != nil {
		return err
	}
	ctx, cancel, err := c.admin(ctx)
	if err == nil {
		defer cancel()
		if action == "describe" {
			err = c.describeConfigs(ctx, entities)
		} else {
			err = c.alterConfigs(ctx, entities)
		}
	}
	if _, wrong := errors.AsType[*wrongUse](err); err == nil || wrong {
		return err
	}
	fmt.Fprintf(c.Err, "Error while executing config command with args '%s'\n%s\n", strings.Join(c.args, " "), javaText(err))
	return exitError(1)
}

func (c *call) describeConfigs(ctx context.Context, entities []entity) error {
	e := entities[0]
	kind, _, err := e.resource()
	if err != nil {
		return c.describeQuotas(ctx, entities)
	}
	names := []string{e.name}
	if !e.named && !e.byDefault {
		if names, err = c.allNames(ctx, kind); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := c.describeOne(ctx, e.kind, kind, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) allNames(ctx context.Context, kind kmsg.ConfigResourceType) ([]string, error) {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		all, err := c.adm.ListTopicsWithInternal(ctx)
		return all.Names(), err
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		brokers, err := c.adm.ListBrokers(ctx)
		var names []string
		for _, b := range brokers {
			names = append(names, strconv.Itoa(int(b.NodeID)))
		}
		if kind == kmsg.ConfigResourceTypeBroker {
			names = append(names, "")
		}
		return names, err
	}
	return operate.ListConfigResources(ctx, c.cl, kind)
}

func (c *call) describeOne(ctx context.Context, plural string, kind kmsg.ConfigResourceType, name string) error {
	entries, err := operate.DescribeConfig(ctx, c.cl, kind, name)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		c.printf("The topic '%s' doesn't exist and doesn't have dynamic config.\n", name)
		return nil
	}
	if err != nil {
		return err
	}
	how := "Dynamic"
	if c.has("all") {
		how = "All"
	}
	if name == "" && kind == kmsg.ConfigResourceTypeBroker {
		c.printf("Default configs for %s in the cluster are:\n", plural)
	} else {
		c.printf("%s configs for %s %s are:\n", how, operate.ResourceWord(kind), name)
	}
	for _, e := range entries {
		if !c.has("all") && !dynamicOf(kind, name, e) {
			continue
		}
		value := "null"
		if e.Value != nil {
			value = *e.Value
		}
		var synonyms []string
		for _, s := range e.Synonyms {
			v := "null"
			if s.Value != nil {
				v = *s.Value
			}
			synonyms = append(synonyms, fmt.Sprintf("%s:%s=%s", javaSource(s.Source), s.Name, v))
		}
		c.printf("  %s=%s sensitive=%t synonyms={%s}\n", e.Name, value, e.Sensitive, strings.Join(synonyms, ", "))
	}
	return nil
}

// dynamicOf leaves out of one broker what is set for all.
func dynamicOf(kind kmsg.ConfigResourceType, name string, e operate.ConfigEntry) bool {
	if kind == kmsg.ConfigResourceTypeBroker && name != "" {
		return e.Source == kmsg.ConfigSourceDynamicBrokerConfig
	}
	return e.Dynamic(kind)
}

func javaSource(s kmsg.ConfigSource) string {
	switch s {
	case kmsg.ConfigSourceClientMetricsConfig:
		return "DYNAMIC_CLIENT_METRICS_CONFIG"
	case kmsg.ConfigSourceGroupConfig:
		return "DYNAMIC_GROUP_CONFIG"
	}
	return s.String()
}

// quotaKind is the protocol's word for a kind of entity.
func quotaKind(plural string) string {
	return map[string]string{"users": "user", "clients": "client-id", "ips": "ip"}[plural]
}

func (c *call) describeQuotas(ctx context.Context, entities []entity) error {
	var filter []kadm.DescribeClientQuotaComponent
	for _, e := range entities {
		part := kadm.DescribeClientQuotaComponent{Type: quotaKind(e.kind), MatchType: kmsg.QuotasMatchTypeAny}
		switch {
		case e.byDefault:
			part.MatchType = kmsg.QuotasMatchTypeDefault
		case e.named:
			part.MatchType, part.MatchName = kmsg.QuotasMatchTypeExact, &e.name
		}
		filter = append(filter, part)
	}
	quotas, err := c.adm.DescribeClientQuotas(ctx, true, filter)
	if err != nil {
		return err
	}
	for _, q := range quotas {
		var values []string
		for _, v := range q.Values {
			values = append(values, v.Key+"="+javaDouble(v.Value))
		}
		slices.Sort(values)
		c.printf("Quota configs for %s are %s\n", entityText(q.Entity), strings.Join(values, ", "))
	}
	if len(entities) > 1 || entities[0].kind != "users" || entities[0].byDefault {
		return nil
	}
	var names []string
	if entities[0].named {
		names = []string{entities[0].name}
	}
	users, err := c.adm.DescribeUserSCRAMs(ctx, names...)
	if err != nil {
		return err
	}
	for _, u := range users.Sorted() {
		if errors.Is(u.Err, kerr.ResourceNotFound) {
			continue
		}
		if u.Err != nil {
			return u.Err
		}
		var list []string
		for _, cred := range u.CredInfos {
			list = append(list, fmt.Sprintf("%v=iterations=%d", cred.Mechanism, cred.Iterations))
		}
		c.printf("SCRAM credential configs for user-principal '%s' are %s\n", u.User, strings.Join(list, ", "))
	}
	return nil
}

// javaDouble writes a number as Java does: 1024.0.
func javaDouble(f float64) string {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if f >= 1e7 {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func entityText(parts kadm.ClientQuotaEntity) string {
	words := map[string]string{"user": "user-principal", "client-id": "client-id", "ip": "ip"}
	var list []string
	for _, kind := range []string{"user", "client-id", "ip"} {
		for _, p := range parts {
			switch {
			case p.Type != kind:
			case p.Name == nil:
				list = append(list, "the default "+words[kind])
			default:
				list = append(list, fmt.Sprintf("%s '%s'", words[kind], *p.Name))
			}
		}
	}
	return strings.Join(list, ", ")
}

// pairs reads k1=v1,k2=[v1,v2]: a comma inside brackets does not end a value.
func pairs(text string) ([][2]string, error) {
	var (
		all   [][2]string
		depth int
		start int
	)
	for i := 0; i <= len(text); i++ {
		if i < len(text) {
			switch text[i] {
			case '[':
				depth++
			case ']':
				depth--
			}
			if text[i] != ',' || depth > 0 {
				continue
			}
		}
		item := strings.TrimSpace(text[start:i])
		start = i + 1
		if item == "" {
			continue
		}
		k, v, ok := strings.Cut(item, "=")
		if !ok {
			return nil, misuse("requirement failed: Invalid entity config: all configs to be added must be in the format \"key=val\".")
		}
		if strings.HasPrefix(v, "[") && strings.HasSuffix(v, "]") {
			v = v[1 : len(v)-1]
		}
		all = append(all, [2]string{k, v})
	}
	return all, nil
}

func (c *call) changes() (add [][2]string, remove []string, err error) {
	for _, text := range c.values["add-config"] {
		more, err := pairs(text)
		if err != nil {
			return nil, nil, err
		}
		add = append(add, more...)
	}
	if file := c.value("add-config-file"); file != "" {
		props, err := clientconf.Read(file)
		if err != nil {
			return nil, nil, err
		}
		for k, v := range props {
			add = append(add, [2]string{k, v})
		}
	}
	remove = c.list("delete-config")
	if len(add)+len(remove) == 0 {
		return nil, nil, misuse("At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter")
	}
	return add, remove, nil
}

func (c *call) alterConfigs(ctx context.Context, entities []entity) error {
	for _, e := range entities {
		if !e.named && !e.byDefault {
			return misuse("an entity name must be specified with --alter of %s", e.kind)
		}
	}
	add, remove, err := c.changes()
	if err != nil {
		return err
	}
	e := entities[0]
	kind, name, err := e.resource()
	if err != nil {
		if err := c.alterClients(ctx, entities, add, remove); err != nil {
			return err
		}
	} else {
		var changes []operate.ConfigChange
		for _, kv := range add {
			changes = append(changes, operate.ConfigChange{Name: kv[0], Op: kmsg.IncrementalAlterConfigOpSet, Value: kv[1]})
		}
		for _, k := range remove {
			changes = append(changes, operate.ConfigChange{Name: k, Op: kmsg.IncrementalAlterConfigOpDelete})
		}
		if err := operate.AlterConfig(ctx, c.cl, kind, name, changes, false); err != nil {
			return err
		}
	}
	if e.byDefault {
		c.printf("Completed updating default config for %s in the cluster.\n", e.kind)
	} else {
		c.printf("Completed updating config for %s %s.\n", strings.TrimSuffix(e.kind, "s"), e.name)
	}
	return nil
}

// alterClients changes quotas and SCRAM credentials.
func (c *call) alterClients(ctx context.Context, entities []entity, add [][2]string, remove []string) error {
	var (
		who  kadm.ClientQuotaEntity
		ops  []kadm.AlterClientQuotaOp
		up   []kadm.UpsertSCRAM
		down []kadm.DeleteSCRAM
	)
	for _, e := range entities {
		part := kadm.ClientQuotaEntityComponent{Type: quotaKind(e.kind)}
		if e.named {
			part.Name = &e.name
		}
		who = append(who, part)
	}
	var unknown []string
	for _, kv := range add {
		m, isScram := scramMechanism(kv[0])
		n, err := strconv.ParseFloat(kv[1], 64)
		switch {
		case isScram:
			u, err := scramUpsert(entities[0].name, m, kv[1])
			if err != nil {
				return err
			}
			up = append(up, u)
		case !quotaName(kv[0]):
			unknown = append(unknown, kv[0])
		case err != nil:
			return fmt.Errorf("cannot parse quota configuration value for %s: %s", kv[0], kv[1])
		default:
			ops = append(ops, kadm.AlterClientQuotaOp{Key: kv[0], Value: n})
		}
	}
	for _, k := range remove {
		if m, ok := scramMechanism(k); ok {
			down = append(down, kadm.DeleteSCRAM{User: entities[0].name, Mechanism: m})
			continue
		}
		if !quotaName(k) {
			unknown = append(unknown, k)
		}
		ops = append(ops, kadm.AlterClientQuotaOp{Key: k, Remove: true})
	}
	if len(unknown) > 0 {
		fmt.Fprintf(c.Err, "Only quota and SCRAM credential configs can be added for '%s' using --bootstrap-server. Unexpected config names: Set(%s)\n", entities[0].kind, strings.Join(unknown, ", "))
		return misuse("")
	}
	if len(ops) > 0 && len(up)+len(down) > 0 {
		return misuse("Cannot alter both quota and SCRAM credential configs simultaneously")
	}
	if len(ops) > 0 {
		done, err := c.adm.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: who, Ops: ops}})
		if err != nil {
			return err
		}
		for _, q := range done {
			if q.Err != nil {
				return &operate.BrokerError{Message: q.ErrMessage, Cause: q.Err}
			}
		}
		return nil
	}
	done, err := c.adm.AlterUserSCRAMs(ctx, down, up)
	if err != nil {
		return err
	}
	for _, u := range done.Sorted() {
		if u.Err != nil {
			return &operate.BrokerError{Message: u.ErrMessage, Cause: u.Err}
		}
	}
	return nil
}

func quotaName(k string) bool {
	return slices.Contains([]string{"producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate", "connection_creation_rate"}, k)
}

func scramMechanism(name string) (kadm.ScramMechanism, bool) {
	switch name {
	case "SCRAM-SHA-256":
		return kadm.ScramSha256, true
	case "SCRAM-SHA-512":
		return kadm.ScramSha512, true
	}
	return 0, false
}

// scramUpsert reads iterations=8192,password=x.
func scramUpsert(user string, m kadm.ScramMechanism, text string) (kadm.UpsertSCRAM, error) {
	u := kadm.UpsertSCRAM{User: user, Mechanism: m, Iterations: 4096}
	list, err := pairs(text)
	if err != nil {
		return u, err
	}
	for _, kv := range list {
		switch kv[0] {
		case "password":
			u.Password = kv[1]
		case "iterations":
			n, err := strconv.ParseInt(kv[1], 10, 32)
			if err != nil {
				return u, misuse("iterations=%s is no number", kv[1])
			}
			u.Iterations = int32(n)
		default:
			return u, misuse("%s is no part of a SCRAM credential: want iterations and password", kv[0])
		}
	}
	if u.Password == "" {
		return u, misuse("A SCRAM credential needs a password: %v=[password=...]", m)
	}
	return u, nil
}
