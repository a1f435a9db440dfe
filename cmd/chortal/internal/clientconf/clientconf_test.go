package clientconf

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJAAS(t *testing.T) {
	f := func(text string, want map[string]string) {
		t.Helper()
		got, err := parseJAAS(text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
	f(`org.apache.kafka.common.security.plain.PlainLoginModule required username="ana" password="a b;c\"d";`, map[string]string{"username": "ana", "password": `a b;c"d`})
	f(`M required username='ana' password=x ;`, map[string]string{"username": "ana", "password": "x"})
	f(`M required
  username="ana"
  password="";`, map[string]string{"username": "ana", "password": ""})
	f(`M required;`, map[string]string{})
	for _, bad := range []string{`M`, `M required username`, `M required username="ana`, `M required username=`} {
		if got, err := parseJAAS(bad); err == nil {
			t.Errorf("%s is taken as %v", bad, got)
		}
	}
}

func TestOptionsNameWhatIsWrong(t *testing.T) {
	jks := filepath.Join(t.TempDir(), "trust.jks")
	if err := os.WriteFile(jks, []byte{0xfe, 0xed, 0xfe, 0xed}, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, kv ...string) {
		t.Helper()
		props := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			props[kv[i]] = kv[i+1]
		}
		_, err := Options(props)
		switch {
		case want == "" && err != nil:
			t.Errorf("%v: %v", props, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%v: %v, want %q", props, err, want)
		}
	}
	f("")
	f("", "security.protocol", "ssl")
	f("", "security.protocol", "SASL_SSL", "sasl.mechanism", "PLAIN", "sasl.username", "ana", "sasl.password", "x")
	f("", "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "OAUTHBEARER", "sasl.jaas.config", `M required unsecuredLoginStringClaim_sub="ana";`)
	f("want PLAINTEXT", "security.protocol", "TLS")
	f("no username", "security.protocol", "SASL_SSL", "sasl.mechanism", "PLAIN")
	f("sasl.mechanism=GSSAPI", "security.protocol", "SASL_SSL", "sasl.mechanism", "GSSAPI", "sasl.username", "ana")
	f("file: URL", "security.protocol", "SASL_SSL", "sasl.mechanism", "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url", "https://idp")
	f("only PEM", "security.protocol", "SSL", "ssl.truststore.location", jks)
	f("no such file", "security.protocol", "SSL", "ssl.truststore.location", jks+"x")
	f("no certificate", "security.protocol", "SSL", "ssl.truststore.certificates", "x")
	f("encrypted", "security.protocol", "SSL", "ssl.keystore.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(path, []byte("bootstrap.servers=a:1, b:2\nnum.partitions=1\nrequest.timeout.ms=5000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	props, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(Servers(props), "|"); got != "a:1|b:2" {
		t.Errorf("servers are %s", got)
	}
	if d, err := Timeout(props); err != nil || d.Seconds() != 5 {
		t.Errorf("timeout is %v, %v", d, err)
	}
	if props["num.partitions"] != "1" {
		t.Error("a key of the broker is lost")
	}
}
