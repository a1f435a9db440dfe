package security

import (
	"strings"
	"testing"
)

// What operators write: any text is read or refused.
func FuzzJAAS(f *testing.F) {
	f.Add(`org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b\\"c" user_a="b";`)
	f.Add("m required;")
	f.Add(`m required x="`)
	f.Fuzz(func(t *testing.T, text string) {
		j, err := ParseJAAS(text)
		if err != nil {
			return
		}
		if j.Module == "" {
			t.Error("an entry without a module")
		}
		for user := range j.Users() {
			if len(user) > len(text) {
				t.Errorf("user %q", user)
			}
		}
	})
}

func FuzzPrincipalRules(f *testing.F) {
	f.Add("RULE:^CN=(.*?),.*$/$1/L,DEFAULT", "CN=caja,O=tienda")
	f.Add(`RULE:(a*)*b/$9/U`, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")
	f.Add("DEFAULT", "")
	f.Fuzz(func(_ *testing.T, text, subject string) {
		if r, err := ParsePrincipalRules(text); err == nil {
			_, _ = r.Name(subject)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"oct","k":"c2VjcmV0"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeySet(text)
		if err != nil {
			return
		}
		for i := range keys {
			if keys[i].verify("none", "x", nil) {
				t.Error("no signature is one")
			}
			_ = keys[i].verify("RS256", "x", []byte("y"))
			_ = keys[i].verify("ES256", "x", make([]byte, 64))
		}
	})
}

func FuzzBearer(f *testing.F) {
	f.Add([]byte("n,,\x01auth=Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA\x01\x01"))
	f.Add([]byte("n,a=u,\x01auth=Bearer a.b.c\x01host=x\x01\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		_, token, err := parseBearer(message)
		if err != nil {
			return
		}
		if strings.Contains(token, "\x01") {
			t.Errorf("token %q", token)
		}
		for part := range strings.SplitSeq(token, ".") {
			var claims map[string]any
			if decodePart(part, &claims) == nil {
				_, _ = (&oauthMechanism{}).claims(claims)
			}
		}
	})
}

// FuzzKeyPair reads any text as the keys and certificates of a listener.
func FuzzKeyPair(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, chain, key string) {
		c := TLSConfig{Chain: chain, Key: key}
		if key == "" {
			return // a file is meant
		}
		if _, err := c.keyPair(); err == nil && !strings.Contains(key, "BEGIN") {
			t.Error("no key is one")
		}
	})
}
