package clientconf

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func mechanism(props map[string]string) (sasl.Mechanism, error) {
	options, err := login(props)
	if err != nil {
		return nil, err
	}
	user, pass := options["username"], options["password"]
	name := props["sasl.mechanism"]
	if name != "OAUTHBEARER" && user == "" {
		return nil, errors.New("sasl.jaas.config: no username; or set sasl.username and sasl.password")
	}
	switch name {
	case "PLAIN":
		return plain.Auth{User: user, Pass: pass}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		return bearer(props["sasl.oauthbearer.token.endpoint.url"], options)
	}
	return nil, fmt.Errorf("sasl.mechanism=%s: want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", name)
}

// login is the options of the login module.
func login(props map[string]string) (map[string]string, error) {
	options := map[string]string{}
	if text := props["sasl.jaas.config"]; text != "" {
		var err error
		if options, err = parseJAAS(text); err != nil {
			return nil, fmt.Errorf("sasl.jaas.config: %w", err)
		}
	}
	for key, option := range map[string]string{"sasl.username": "username", "sasl.password": "password"} {
		if v, ok := props[key]; ok {
			options[option] = v
		}
	}
	return options, nil
}

// parseJAAS reads `module required key="value" ...;`.
func parseJAAS(text string) (map[string]string, error) {
	options := map[string]string{}
	_, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	_, rest, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok && !strings.HasSuffix(text, ";") {
		return nil, errors.New(`want a login module, "required", options as key="value", and a semicolon`)
	}
	for {
		rest = strings.TrimSpace(rest)
		if rest == ";" || rest == "" {
			break
		}
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil, fmt.Errorf("option %q has no value", strings.TrimSuffix(rest, ";"))
		}
		value, left, err := jaasValue(strings.TrimSpace(after))
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", strings.TrimSpace(key), err)
		}
		options[strings.TrimSpace(key)] = value
		rest = left
	}
	return options, nil
}

func jaasValue(text string) (value, rest string, err error) {
	if text == "" {
		return "", "", errors.New("no value")
	}
	quote := text[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(text, " \t\n;")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == quote:
			return b.String(), text[i+1:], nil
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", errors.New("the quote is not closed")
}

// bearer is a token of a file, or the unsecured token of Kafka's development login module.
func bearer(endpoint string, options map[string]string) (sasl.Mechanism, error) {
	if endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "file" {
			return nil, fmt.Errorf("sasl.oauthbearer.token.endpoint.url=%s: want a file: URL of a token", endpoint)
		}
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			token, err := os.ReadFile(u.Path)
			return oauth.Auth{Token: strings.TrimSpace(string(token))}, err
		}), nil
	}
	subject := options["unsecuredLoginStringClaim_sub"]
	if subject == "" {
		return nil, errors.New("OAUTHBEARER: set sasl.oauthbearer.token.endpoint.url to a file: URL, or unsecuredLoginStringClaim_sub in sasl.jaas.config")
	}
	return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		token, err := unsecuredToken(subject, time.Now())
		return oauth.Auth{Token: token}, err
	}), nil
}

func unsecuredToken(subject string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"sub": subject, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + ".", nil
}
