package security

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const (
	maxKeySetBytes = 1 << 20
	keySetTimeout  = 10 * time.Second
	// minKeySetInterval is the least time between two reads that an unknown key causes.
	minKeySetInterval = 10 * time.Second
)

// KeySet is a JSON web key set (RFC 7517) that is read from a file or over HTTPS, and again after a time, or when a
// token names a key that it does not have.
type KeySet struct {
	source  *url.URL
	refresh time.Duration
	client  *http.Client

	mu    sync.Mutex
	keys  []webKey  // guarded by mu
	read  time.Time // guarded by mu: the last read that succeeded
	tried time.Time // guarded by mu
}

// NewKeySet reads the key set at an address, file:///path or https://..., and from then on again after refresh.
// It is an error if it cannot be read now.
func NewKeySet(address string, refresh time.Duration) (*KeySet, error) {
	source, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("address of key set: %w", err)
	}
	switch source.Scheme {
	case "file", "https", "http":
	default:
		return nil, fmt.Errorf("address of key set: %q is neither file, http nor https", source.Scheme)
	}
	if refresh <= 0 {
		refresh = time.Hour
	}
	s := &KeySet{source: source, refresh: refresh, client: &http.Client{
		Timeout:       keySetTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(time.Now()); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	return s, nil
}

// webKey is one key of a set.
type webKey struct {
	id, alg string
	public  crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or []byte
}

// load reads the set. s.mu is held.
func (s *KeySet) load(now time.Time) error {
	s.tried = now
	text, err := s.fetch()
	if err != nil {
		return err
	}
	keys, err := parseKeySet(text)
	if err != nil {
		return err
	}
	s.keys, s.read = keys, now
	return nil
}

func (s *KeySet) fetch() ([]byte, error) {
	if s.source.Scheme == "file" {
		f, err := os.Open(s.source.Path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, maxKeySetBytes))
	}
	ctx, cancel := context.WithTimeout(context.Background(), keySetTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.source.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answer %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxKeySetBytes))
}

func parseKeySet(text []byte) ([]webKey, error) {
	var set struct {
		Keys []struct{ Kty, Kid, Alg, Use, N, E, Crv, X, Y, K string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	var keys []webKey
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		key := webKey{id: k.Kid, alg: k.Alg}
		var err error
		switch k.Kty {
		case "RSA":
			key.public, err = rsaKey(k.N, k.E)
		case "EC":
			key.public, err = ecKey(k.Crv, k.X, k.Y)
		case "oct":
			key.public, err = secretKey(k.K)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", k.Kid, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key for signatures")
	}
	return keys, nil
}

func rsaKey(n, e string) (*rsa.PublicKey, error) {
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		return nil, err
	}
	exponent, err := base64.RawURLEncoding.DecodeString(e)
	if err != nil {
		return nil, err
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if key.N.BitLen() < 2048 || len(exponent) > 4 || key.E < 3 {
		return nil, fmt.Errorf("RSA key of %d bits with exponent %d", key.N.BitLen(), key.E)
	}
	return key, nil
}

func ecKey(curve, x, y string) (*ecdsa.PublicKey, error) {
	c, ok := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[curve]
	if !ok {
		return nil, fmt.Errorf("curve %q", curve)
	}
	size := (c.Params().BitSize + 7) / 8
	point := []byte{4}
	for _, text := range []string{x, y} {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		if len(b) != size {
			return nil, fmt.Errorf("coordinate of %d bytes", len(b))
		}
		point = append(point, b...)
	}
	return ecdsa.ParseUncompressedPublicKey(c, point) // fails for what is not on the curve
}

func secretKey(k string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(k)
	if err == nil && len(b) < 32 {
		err = fmt.Errorf("secret of %d bytes, at least 32 are needed", len(b))
	}
	return b, err
}

// Verify checks the signature of a token by the key that it names, or by any if it names none.
func (s *KeySet) Verify(alg, kid, signed string, signature []byte) error {
	for _, k := range s.find(kid) {
		if (k.alg == "" || k.alg == alg) && k.verify(alg, signed, signature) {
			return nil
		}
	}
	return fmt.Errorf("%w: no key fits its signature", errToken)
}

// find returns the keys that may have signed. A set that is old, or that lacks the key, is read again; if that fails the old one stays.
func (s *KeySet) find(kid string) []webKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	matching := func() []webKey {
		var all []webKey
		for _, k := range s.keys {
			if kid == "" || k.id == "" || k.id == kid {
				all = append(all, k)
			}
		}
		return all
	}
	found := matching()
	if (now.Sub(s.read) > s.refresh || len(found) == 0) && now.Sub(s.tried) > min(minKeySetInterval, s.refresh) {
		if err := s.load(now); err == nil {
			return matching()
		}
	}
	return found
}

// verify checks a signature. The type of the key says which algorithms may be used with it: a public key is never
// taken for a secret.
func (k *webKey) verify(alg, signed string, signature []byte) bool {
	if len(alg) != 5 {
		return false
	}
	h, ok := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	if !ok {
		return false
	}
	digest := h.New()
	digest.Write([]byte(signed))
	sum := digest.Sum(nil)
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		switch alg[:2] {
		case "RS":
			return rsa.VerifyPKCS1v15(key, h, sum, signature) == nil
		case "PS":
			return rsa.VerifyPSS(key, h, sum, signature, nil) == nil
		}
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		curve := map[string]int{"256": 32, "384": 48, "512": 66}[alg[2:]]
		if alg[:2] != "ES" || size != curve || len(signature) != 2*size {
			return false
		}
		return ecdsa.Verify(key, sum, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	case []byte:
		if alg[:2] != "HS" {
			return false
		}
		m := hmac.New(h.New, key)
		m.Write([]byte(signed))
		return hmac.Equal(m.Sum(nil), signature)
	}
	return false
}
