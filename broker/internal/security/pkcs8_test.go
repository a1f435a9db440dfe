package security

import (
	"crypto/tls"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files were made by OpenSSL 3: key.pem is the key of cert.pem, and the others are the same key with the password
// "secret", after the cipher and the pseudo-random function of their names.
func TestEncryptedKeys(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("testdata", "pkcs8", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	cert, plain := read("cert.pem"), read("key.pem")
	files, err := filepath.Glob("testdata/pkcs8/aes*.pem")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "testdata/pkcs8/des3-sha1.pem") {
		text := read(filepath.Base(file))
		got, err := decryptKeys([]byte(cert+text), "secret")
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !strings.HasSuffix(string(got), plain) {
			t.Errorf("%s: another key", file)
		}
		if _, err := tls.X509KeyPair([]byte(cert), got); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if _, err := NewCertificates(TLSConfig{Key: text, Chain: cert, KeyPassword: "secret"}); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for password, want := range map[string]string{"": "ssl.key.password", "wrong": "incorrect"} {
			if _, err := NewCertificates(TLSConfig{Key: text, Chain: cert, KeyPassword: password}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s with password %q: %v", file, password, err)
			}
		}
	}
	if got, err := decryptKeys([]byte(plain), "secret"); err != nil || string(got) != plain {
		t.Errorf("a key that is not encrypted: %v", err)
	}
	if _, err := decryptKeys([]byte(read("traditional.pem")), "secret"); err == nil || !strings.Contains(err.Error(), "PKCS #8") {
		t.Errorf("an old key: %v", err)
	}
}

// FuzzDecryptKey wants no panic and no endless work on any bytes.
func FuzzDecryptKey(f *testing.F) {
	files, _ := filepath.Glob("testdata/pkcs8/*.pem")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			if block, _ := pem.Decode(text); block != nil {
				f.Add(block.Bytes)
			}
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		var info encryptedInfo
		if _, err := asn1.Unmarshal(der, &info); err == nil && info.Algorithm.Parameters.Derivation.Parameters.Iterations > 10_000 {
			return // as much work as it says
		}
		if _, err := decryptKey(der, "secret"); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}
