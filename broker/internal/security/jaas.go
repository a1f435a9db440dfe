package security

import (
	"errors"
	"fmt"
	"strings"
)

// JAAS is one entry of a JAAS configuration: the login module of a mechanism with its options.
type JAAS struct {
	// Module is the name of the Java class, of which only its last part counts: PlainLoginModule.
	Module string
	// Options are the options in the order in which they are written.
	Options map[string]string
}

// ParseJAAS reads the value of sasl.jaas.config: module flag option="value" ... ;
func ParseJAAS(text string) (JAAS, error) {
	words, err := jaasWords(text)
	if err != nil {
		return JAAS{}, fmt.Errorf("jaas configuration: %w", err) // without the text: it has passwords
	}
	if len(words) < 3 || words[len(words)-1] != ";" {
		return JAAS{}, errors.New(`jaas configuration: want: module required option="value" ... ;`)
	}
	switch strings.ToLower(words[1]) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return JAAS{}, errors.New("jaas configuration: the word after the module must be required, requisite, sufficient or optional")
	}
	j := JAAS{Module: words[0][strings.LastIndexByte(words[0], '.')+1:], Options: map[string]string{}}
	rest := words[2 : len(words)-1]
	for ; len(rest) > 0; rest = rest[3:] {
		if len(rest) < 3 || rest[1] != "=" || rest[0] == ";" || rest[2] == ";" {
			return JAAS{}, errors.New(`jaas configuration: options must be of the form name="value", and there may be one module`)
		}
		j.Options[rest[0]] = rest[2]
	}
	return j, nil
}

// Users are the users that an entry of PlainLoginModule accepts: the options user_NAME="password".
func (j JAAS) Users() map[string]string {
	users := map[string]string{}
	for option, value := range j.Options {
		if name, ok := strings.CutPrefix(option, "user_"); ok {
			users[name] = value
		}
	}
	return users
}

// jaasWords splits a configuration into names, texts without their quotes, = and ;.
func jaasWords(text string) ([]string, error) {
	var words []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		switch c := text[0]; c {
		case '=', ';':
			words, text = append(words, text[:1]), text[1:]
		case '"', '\'':
			var b strings.Builder
			i := 1
			for ; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && i+1 < len(text) {
					i++
				}
				b.WriteByte(text[i])
			}
			if i >= len(text) {
				return nil, errors.New("a quote is not closed")
			}
			words, text = append(words, b.String()), text[i+1:]
		default:
			n := strings.IndexAny(text, " \t\r\n=;\"'")
			if n < 0 {
				n = len(text)
			}
			words, text = append(words, text[:n]), text[n:]
		}
	}
	return words, nil
}
