package security

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chortal/chortal/broker/internal/metadata"
)

// The example of RFC 7677, with the server's part of the nonce in its place.
func TestScramVectors(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewScramCredential(metadata.ScramSHA256, "pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	m := NewScram(metadata.ScramSHA256, func(string) (metadata.ScramCredential, bool) { return c, true })
	x := m.Begin().(*scramExchange)
	if _, _, err := x.Step([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")); err != nil {
		t.Fatal(err)
	}
	x.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	x.reply = "r=" + x.nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	answer, id, err := x.Step([]byte("c=biws,r=" + x.nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if err != nil || id == nil || id.Principal != "User:user" || string(answer) != "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("%s, %v, %v", answer, id, err)
	}
}

// Whatever is wrong, the error is the same, and an unknown user gets as far as a known one.
func TestScramRefuses(t *testing.T) {
	c, err := NewScramCredential(metadata.ScramSHA512, "secret", []byte("salt"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	m := NewScram(metadata.ScramSHA512, func(user string) (metadata.ScramCredential, bool) { return c, user == "ann" })
	for _, first := range []string{"", "n", "n,,", "p=x,,n=ann,r=a", "n,,r=a,n=ann", "n,,n=ann", "n,,n=,r=a", "n,,n=a=,r=a", "n,,n=ann,r=", "n,,n=ann,r=a b", "n,a=root,n=ann,r=a", "n,,m=x,n=ann,r=a"} {
		if _, _, err := m.Begin().Step([]byte(first)); !errors.Is(err, ErrAuthentication) {
			t.Errorf("%q: %v", first, err)
		}
	}
	texts := map[string]bool{}
	salts := map[string]bool{}
	for _, user := range []string{"ann", "nobody", "nobody"} {
		x := m.Begin()
		answer, id, err := x.Step([]byte("n,,n=" + user + ",r=abc"))
		if err != nil || id != nil || !strings.HasPrefix(string(answer), "r=abc") {
			t.Fatalf("%s: %s, %v", user, answer, err)
		}
		nonce, rest, _ := strings.Cut(string(answer), ",")
		salts[rest] = true
		_, id, err = x.Step([]byte("c=biws," + nonce + ",p=" + base64.StdEncoding.EncodeToString(make([]byte, 64))))
		if id != nil || err == nil {
			t.Fatalf("%s is let in", user)
		}
		texts[err.Error()] = true
		if _, _, err := x.Step([]byte("c=biws," + nonce + ",p=x")); err == nil {
			t.Error("the exchange goes on after an error")
		}
	}
	if len(texts) != 1 {
		t.Errorf("the errors differ: %v", texts)
	}
	if len(salts) != 2 {
		t.Errorf("the salt of an unknown user is not always the same: %v", salts)
	}
	x := m.Begin() // the nonce of another exchange
	if _, _, err := x.Step([]byte("n,,n=ann,r=abc")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Step([]byte("c=biws,r=abc,p=" + base64.StdEncoding.EncodeToString(make([]byte, 64)))); err == nil {
		t.Error("another nonce is taken")
	}
}

func TestPlain(t *testing.T) {
	m := NewPlain(map[string]string{"ann": "secret", "": "x"})
	for message, want := range map[string]bool{
		"\x00ann\x00secret": true, "ann\x00ann\x00secret": true, "root\x00ann\x00secret": false, "\x00ann\x00": false,
		"\x00\x00x": false, "\x00bob\x00secret": false, "ann\x00secret": false, "\x00ann\x00secret\x00": false, "": false, "\x00ann\x00\xff": false,
	} {
		_, id, err := m.Begin().Step([]byte(message))
		if got := id != nil && err == nil; got != want || !want && !errors.Is(err, ErrAuthentication) {
			t.Errorf("%q: %v, %v", message, id, err)
		}
	}
}

func TestJAAS(t *testing.T) {
	j, err := ParseJAAS("org.apache.kafka.common.security.plain.PlainLoginModule required\n user_ann=\"a \\\"b\\\" ; =\" user_bob='x' username=admin;")
	if err != nil || j.Module != "PlainLoginModule" || len(j.Users()) != 2 || j.Users()["ann"] != `a "b" ; =` || j.Options["username"] != "admin" {
		t.Errorf("%v, %v", j, err)
	}
	for _, text := range []string{"", "x", "x required", "x maybe;", `x required a="b;`, `x required a b;`, `x required; y required;`, `x required user_a="canary"`} {
		if _, err := ParseJAAS(text); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPrincipalRules(t *testing.T) {
	const dn = "CN=kafka01,OU=Data Team,O=x"
	for rules, want := range map[string]string{
		"": dn, "DEFAULT": dn, "RULE:^CN=(.*?),.*$/$1/": "kafka01", "RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/U": "KAFKA01@DATA TEAM",
		"RULE:^CN=no$/x/, RULE:^CN=(.*?),OU=.*$/$1x/L,DEFAULT": "kafka01x", "RULE:^CN=no$/x/,DEFAULT": dn, "RULE:CN=kafka01/x/": "!", "RULE:(": "!", "WHAT": "!",
		"RULE:.*/$1/X": "!",
	} {
		r, err := ParsePrincipalRules(rules)
		got := "!"
		if err == nil {
			if got, err = r.Name(dn); err != nil {
				got = "!"
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", rules, got, want)
		}
	}
}

func TestOAuthTokens(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	file := filepath.Join(t.TempDir(), "keys.json")
	set, _ := json.Marshal(map[string]any{"keys": []any{map[string]any{"kty": "oct", "kid": "one", "k": base64.RawURLEncoding.EncodeToString(secret)}}})
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeySet("file://"+file, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	m := NewOAuthBearer(OAuthConfig{
		Keys: keys, Issuer: "iss", Audience: []string{"kafka"}, RequiredScope: []string{"w"}, ClockSkew: 30 * time.Second,
		Now: func() time.Time { return now },
	})
	sign := func(header, claims map[string]any, key []byte) string {
		part := func(v any) string {
			b, _ := json.Marshal(v)
			return base64.RawURLEncoding.EncodeToString(b)
		}
		text := part(header) + "." + part(claims)
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	good := func(change ...any) map[string]any {
		c := map[string]any{"sub": "ann", "iss": "iss", "aud": []string{"x", "kafka"}, "scope": "r w", "iat": now.Unix(), "exp": now.Unix() + 60}
		for i := 0; i < len(change); i += 2 {
			c[change[i].(string)] = change[i+1]
		}
		return c
	}
	header := map[string]any{"alg": "HS256", "kid": "one"}
	for name, c := range map[string]struct {
		token string
		want  bool
	}{
		"good":           {sign(header, good(), secret), true},
		"within skew":    {sign(header, good("exp", now.Unix()-10, "iat", now.Unix()-60), secret), true},
		"expired":        {sign(header, good("exp", now.Unix()-60, "iat", now.Unix()-90), secret), false},
		"no expiry":      {sign(header, good("exp", nil), secret), false},
		"not yet":        {sign(header, good("nbf", now.Unix()+50), secret), false},
		"no subject":     {sign(header, good("sub", ""), secret), false},
		"issuer":         {sign(header, good("iss", "other"), secret), false},
		"audience":       {sign(header, good("aud", "other"), secret), false},
		"scope":          {sign(header, good("scope", []string{"r"}), secret), false},
		"other key":      {sign(header, good(), []byte("x")), false},
		"none":           {sign(map[string]any{"alg": "none"}, good(), secret), false},
		"other alg":      {sign(map[string]any{"alg": "RS256", "kid": "one"}, good(), secret), false},
		"unknown key id": {sign(map[string]any{"alg": "HS256", "kid": "two"}, good(), secret), false},
		"crit":           {sign(map[string]any{"alg": "HS256", "kid": "one", "crit": []string{"x"}}, good(), secret), false},
		"two parts":      {"a.b", false},
	} {
		x := m.Begin()
		answer, id, err := x.Step([]byte("n,,\x01auth=Bearer " + c.token + "\x01\x01"))
		if got := id != nil; err != nil || got != c.want || got && (id.Principal != "User:ann" || id.Expires.IsZero()) {
			t.Errorf("%s: %s, %v, %v", name, answer, id, err)
		}
		if id == nil {
			if _, id, err := x.Step([]byte{1}); id != nil || !errors.Is(err, ErrAuthentication) {
				t.Errorf("%s: let in after all: %v", name, err)
			}
		}
	}
}

// No bytes of a client make an exchange panic, or let it in.
func FuzzExchanges(f *testing.F) {
	c, err := NewScramCredential(metadata.ScramSHA256, "secret", []byte("salt"), 4096)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"n,,n=ann,r=a", "\x00ann\x00secre", "n,,\x01auth=Bearer a.b.c\x01\x01", "n,a=ann,n=ann,r=a,x=y"} {
		f.Add([]byte(seed), []byte("c=biws,r=a,p=YQ=="))
	}
	keys := &KeySet{refresh: time.Hour, read: time.Now(), tried: time.Now()}
	mechanisms := []Mechanism{
		NewPlain(map[string]string{"ann": "a long secret that nobody guesses"}), NewOAuthBearer(OAuthConfig{Keys: keys}),
		NewScram(metadata.ScramSHA256, func(string) (metadata.ScramCredential, bool) { return c, true }),
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, m := range mechanisms {
			x := m.Begin()
			for _, message := range [][]byte{first, second} {
				_, id, err := x.Step(message)
				if id != nil {
					t.Fatalf("%s lets %q in", m.Name(), message)
				}
				if err != nil && !errors.Is(err, ErrAuthentication) {
					t.Fatal(err)
				}
			}
		}
	})
}
