package broker

import (
	"encoding/base64"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const tokenUsers = `org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="secret" user_ana="secret" user_bea="secret" user_carl="secret";`

// tokenKeys are those of a broker with delegation tokens and ACLs.
func tokenKeys() map[string]string {
	return map[string]string{
		"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", "listener.name.sasl_plaintext.plain.sasl.jaas.config": tokenUsers,
		"listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:admin;User:ANONYMOUS",
		"delegation.token.secret.key": "a secret", "delegation.token.expiry.time.ms": "600000", "delegation.token.max.lifetime.ms": "1200000",
		"delegation.token.expiry.check.interval.ms": "200",
	}
}

type tokenClient struct{ rawClient }

// create asks for a token; owner may be empty.
func (c tokenClient) create(version int16, owner string, lifetime int64, renewers ...string) *kmsg.CreateDelegationTokenResponse {
	c.t.Helper()
	req := kmsg.NewPtrCreateDelegationTokenRequest()
	req.Version, req.MaxLifetimeMillis = version, lifetime
	if owner != "" {
		req.OwnerPrincipalType, req.OwnerPrincipalName = kmsg.StringPtr("User"), &owner
	}
	for _, r := range renewers {
		kind, name, _ := strings.Cut(r, ":")
		req.Renewers = append(req.Renewers, kmsg.CreateDelegationTokenRequestRenewer{PrincipalType: kind, PrincipalName: name})
	}
	return c.ask(req).(*kmsg.CreateDelegationTokenResponse)
}

func (c tokenClient) renew(mac []byte, period int64) (int16, int64) {
	c.t.Helper()
	req := kmsg.NewPtrRenewDelegationTokenRequest()
	req.Version, req.HMAC, req.RenewTimeMillis = 2, mac, period
	resp := c.ask(req).(*kmsg.RenewDelegationTokenResponse)
	return resp.ErrorCode, resp.ExpiryTimestamp
}

func (c tokenClient) expire(mac []byte, period int64) (int16, int64) {
	c.t.Helper()
	req := kmsg.NewPtrExpireDelegationTokenRequest()
	req.Version, req.HMAC, req.ExpiryPeriodMillis = 2, mac, period
	resp := c.ask(req).(*kmsg.ExpireDelegationTokenResponse)
	return resp.ErrorCode, resp.ExpiryTimestamp
}

// describe lists the ids of the tokens of owners; "all" is every owner.
func (c tokenClient) describe(want int16, owners ...string) (tokens []kmsg.DescribeDelegationTokenResponseTokenDetail) {
	c.t.Helper()
	req := kmsg.NewPtrDescribeDelegationTokenRequest()
	req.Version, req.Owners = 3, []kmsg.DescribeDelegationTokenRequestOwner{}
	for _, o := range owners {
		req.Owners = append(req.Owners, kmsg.DescribeDelegationTokenRequestOwner{PrincipalType: "User", PrincipalName: o})
	}
	if len(owners) == 1 && owners[0] == "all" {
		req.Owners = nil
	}
	resp := c.ask(req).(*kmsg.DescribeDelegationTokenResponse)
	if resp.ErrorCode != want {
		c.t.Errorf("describe: %d, want %d", resp.ErrorCode, want)
	}
	return resp.TokenDetails
}

// TestDelegationTokens asks what Apache Kafka 4.3.1 was asked.
func TestDelegationTokens(t *testing.T) {
	addr := os.Getenv("CHORTAL_TOKENS_ADDR")
	if addr == "" {
		_, addr = runSecured(t, "SASL_PLAINTEXT", tokenKeys(), io.Discard)
	}
	admin, ana, bea, carl := tokenClient{as(t, addr, "admin")}, tokenClient{as(t, addr, "ana")}, tokenClient{as(t, addr, "bea")}, tokenClient{as(t, addr, "carl")}
	wantCode := func(what string, got, want int16) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	one := ana.create(3, "", -1, "User:bea")
	if one.ErrorCode != 0 || one.PrincipalName != "ana" || one.TokenRequesterPrincipalName != "ana" || len(one.HMAC) != 64 || one.TokenID == "" ||
		one.ExpiryTimestamp-one.IssueTimestamp != 600_000 || one.MaxTimestamp-one.IssueTimestamp != 1_200_000 {
		t.Fatalf("create: %+v", one)
	}
	for v := int16(1); v <= 2; v++ {
		short := ana.create(v, "", 1000)
		if short.ErrorCode != 0 || short.MaxTimestamp-short.IssueTimestamp != 1000 || short.ExpiryTimestamp != short.MaxTimestamp {
			t.Errorf("short: %+v", short)
		}
	}
	long := ana.create(3, "", 1<<60)
	if long.MaxTimestamp-long.IssueTimestamp != 1_200_000 {
		t.Errorf("long: %+v", long)
	}
	var code int16
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) { // Kafka hears of its own token a moment later
		if code, _ = ana.expire(long.HMAC, -1); code == 0 || time.Now().After(end) {
			break
		}
	}
	wantCode("end", code, 0)

	refused := ana.create(3, "bea", -1)
	wantCode("for another", refused.ErrorCode, 65)
	if refused.PrincipalName != "bea" || refused.TokenRequesterPrincipalName != "ana" || refused.IssueTimestamp != -1 || refused.ExpiryTimestamp != -1 || refused.MaxTimestamp != -1 {
		t.Errorf("refused: %+v", refused)
	}
	wantCode("a renewer that is no user", ana.create(3, "", -1, "Group:x").ErrorCode, 67)
	acls := kmsg.NewPtrCreateACLsRequest()
	acls.Version = 3
	rule := func(who string, typ kmsg.ACLResourceType, name string, op kmsg.ACLOperation) {
		a := kmsg.NewCreateACLsRequestCreation()
		a.ResourceType, a.ResourceName, a.ResourcePatternType, a.Principal, a.Host = typ, name, kmsg.ACLResourcePatternTypeLiteral, who, "*"
		a.Operation, a.PermissionType = op, kmsg.ACLPermissionTypeAllow
		acls.Creations = append(acls.Creations, a)
	}
	rule("User:ana", kmsg.ACLResourceTypeUser, "User:bea", kmsg.ACLOperationCreateTokens)
	for _, r := range admin.ask(acls).(*kmsg.CreateACLsResponse).Results {
		wantCode("acl", r.ErrorCode, 0)
	}
	var forBea *kmsg.CreateDelegationTokenResponse
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if forBea = ana.create(3, "bea", -1); forBea.ErrorCode == 0 || time.Now().After(end) {
			break
		}
	}
	if forBea.ErrorCode != 0 || forBea.PrincipalName != "bea" || forBea.TokenRequesterPrincipalName != "ana" {
		t.Fatalf("for bea: %+v", forBea)
	}

	// Who may see what.
	see := func(c tokenClient, owners []string, want ...string) {
		t.Helper()
		var got []string
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			got = got[:0]
			for _, d := range c.describe(0, owners...) {
				if d.MaxTimestamp-d.IssueTimestamp != 1000 { // the short ones may be gone or not
					got = append(got, d.TokenID)
				}
			}
			if len(got) == len(want) || time.Now().After(end) {
				break
			}
		}
		for _, id := range want {
			if !strings.Contains(strings.Join(got, " "), id) || len(got) != len(want) {
				t.Errorf("tokens of %v: %v, want %v", owners, got, want)
			}
		}
	}
	see(ana, []string{"all"}, one.TokenID, forBea.TokenID)
	see(bea, []string{"all"}, one.TokenID, forBea.TokenID)
	see(bea, []string{"ana"}, one.TokenID, forBea.TokenID)
	see(bea, nil)
	see(carl, []string{"all"})
	see(admin, []string{"all"}, one.TokenID, forBea.TokenID)
	acls.Creations = nil
	rule("User:carl", kmsg.ACLResourceTypeDelegationToken, one.TokenID, kmsg.ACLOperationDescribe)
	rule("User:carl", kmsg.ACLResourceTypeUser, "User:bea", kmsg.ACLOperationDescribeTokens)
	admin.ask(acls)
	see(carl, []string{"all"}, one.TokenID, forBea.TokenID)

	// Who may renew.
	for who, c := range map[string]tokenClient{"owner": ana, "renewer": bea} {
		code, at := c.renew(one.HMAC, 700_000)
		wantCode(who, code, 0)
		if at > one.MaxTimestamp || at < one.ExpiryTimestamp {
			t.Errorf("renewed by %s until %d", who, at)
		}
	}
	code, at := ana.renew(one.HMAC, 1<<60)
	if wantCode("renew for ever", code, 0); at >= one.MaxTimestamp || at > time.Now().UnixMilli()+600_000 {
		t.Errorf("renewed for ever: %d, at most %d", at, one.MaxTimestamp)
	}
	code, at = ana.expire(one.HMAC, 1<<50)
	if wantCode("end late", code, 0); at != one.MaxTimestamp {
		t.Errorf("ends late: %d, at most %d", at, one.MaxTimestamp)
	}
	code, _ = carl.renew(one.HMAC, -1)
	wantCode("renew a stranger's", code, 63)
	code, _ = carl.expire(one.HMAC, -1)
	wantCode("end a stranger's", code, 63)
	code, _ = ana.renew([]byte("nonsense"), -1)
	wantCode("renew what is not there", code, 62)
	code, _ = ana.expire([]byte("nonsense"), -1)
	wantCode("end what is not there", code, 62)

	// Logins.
	login := func(id, pass string, more ...kgo.Opt) error {
		for _, m := range []func(scram.Auth) kgo.Opt{
			func(a scram.Auth) kgo.Opt { return kgo.SASL(a.AsSha256Mechanism()) }, func(a scram.Auth) kgo.Opt { return kgo.SASL(a.AsSha512Mechanism()) },
		} {
			c := adminOf(t, addr, append(more, m(scram.Auth{User: id, Pass: pass, IsToken: true}))...)
			if _, err := c.ListTopics(seconds(t, 5)); err != nil {
				return err
			}
		}
		return nil
	}
	password := base64.StdEncoding.EncodeToString(one.HMAC)
	ok(t, login(one.TokenID, password))
	if login(one.TokenID, "wrong") == nil || login("no-such-token", password) == nil {
		t.Error("a wrong token was let in")
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.SASL(scram.Auth{User: one.TokenID, Pass: password, IsToken: true}.AsSha256Mechanism()))
	ok(t, err)
	defer client.Close()
	made, err := kmsg.NewPtrCreateDelegationTokenRequest().RequestWith(seconds(t, 5), client)
	ok(t, err)
	wantCode("a token by a token", made.ErrorCode, 64)
	seen, err := kmsg.NewPtrDescribeDelegationTokenRequest().RequestWith(seconds(t, 5), client)
	ok(t, err)
	wantCode("tokens by a token", seen.ErrorCode, 64)

	// The end.
	code, at = ana.expire(one.HMAC, 50)
	if wantCode("end soon", code, 0); at > time.Now().Add(time.Second).UnixMilli() {
		t.Errorf("ends at %d", at)
	}
	for end := time.Now().Add(20 * time.Second); len(ana.describe(0, "ana")) > 1; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("expired tokens stay")
		}
	}
	if login(one.TokenID, password) == nil {
		t.Error("an expired token was let in")
	}
	code, _ = ana.expire(forBea.HMAC, -1)
	wantCode("end what one made for another", code, 0)
}

// Without a secret there are no tokens, and without a login nobody may ask.
func TestNoDelegationTokens(t *testing.T) {
	keys := tokenKeys()
	delete(keys, "delegation.token.secret.key")
	_, addr := runSecured(t, "SASL_PLAINTEXT", keys, io.Discard)
	c := tokenClient{as(t, addr, "ana")}
	if got := c.create(3, "", -1).ErrorCode; got != 61 {
		t.Errorf("create: %d", got)
	}
	if got, _ := c.renew([]byte("x"), -1); got != 61 {
		t.Errorf("renew: %d", got)
	}
	if got, _ := c.expire([]byte("x"), -1); got != 61 {
		t.Errorf("expire: %d", got)
	}
	c.describe(61, "all")

	_, addr = runSecured(t, "PLAINTEXT", map[string]string{"delegation.token.secret.key": "a secret"}, io.Discard)
	conn, err := net.Dial("tcp", addr)
	ok(t, err)
	defer conn.Close()
	c = tokenClient{rawClient{t: t, conn: conn}}
	if got := c.create(3, "", -1).ErrorCode; got != 64 {
		t.Errorf("create without a login: %d", got)
	}
	c.describe(64, "all")
}
