package security

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"regexp"
	"strings"
)

// PrincipalRules make a name of the subject of a certificate: ssl.principal.mapping.rules.
type PrincipalRules struct{ rules []principalRule }

type principalRule struct {
	pattern     *regexp.Regexp // nil: DEFAULT, the subject as it is
	replacement string
	fold        byte // U, L or 0
}

// rulePattern finds one rule: DEFAULT, or RULE:pattern/replacement/ with an L or U behind it.
var rulePattern = regexp.MustCompile(`^\s*(?:(DEFAULT)|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?))\s*(?:,|$)`)

// ParsePrincipalRules reads the rules. The first that matches the whole subject counts.
func ParsePrincipalRules(text string) (*PrincipalRules, error) {
	r := &PrincipalRules{}
	rest := strings.TrimSpace(text)
	if rest == "" {
		rest = "DEFAULT"
	}
	for rest != "" {
		m := rulePattern.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("ssl.principal.mapping.rules: Invalid rule: `%s`", rest)
		}
		rest = strings.TrimSpace(rest[len(m[0]):])
		if m[1] != "" {
			r.rules = append(r.rules, principalRule{})
			continue
		}
		pattern, err := regexp.Compile(`^(?:` + m[2] + `)$`)
		if err != nil {
			return nil, fmt.Errorf("ssl.principal.mapping.rules: %w", err)
		}
		rule := principalRule{pattern: pattern, replacement: groupPattern.ReplaceAllString(m[3], "$${$1}")}
		if m[4] != "" {
			rule.fold = m[4][0]
		}
		r.rules = append(r.rules, rule)
	}
	return r, nil
}

// groupPattern finds the references to groups of a replacement: $1.
var groupPattern = regexp.MustCompile(`\$(\d+)`)

// Name maps the subject of a certificate. It fails if no rule matches.
func (r *PrincipalRules) Name(subject string) (string, error) {
	for _, rule := range r.rules {
		if rule.pattern == nil {
			return subject, nil
		}
		m := rule.pattern.FindStringSubmatchIndex(subject)
		if m == nil {
			continue
		}
		name := string(rule.pattern.ExpandString(nil, rule.replacement, subject, m))
		switch rule.fold {
		case 'L':
			name = strings.ToLower(name)
		case 'U':
			name = strings.ToUpper(name)
		}
		return name, nil
	}
	return "", fmt.Errorf("no rule of ssl.principal.mapping.rules applies to %q", subject)
}

// Principal is the name of the holder of a certificate, as a principal.
func (r *PrincipalRules) Principal(cert *x509.Certificate) (string, error) {
	var subject pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawSubject, &subject); err != nil {
		return "", fmt.Errorf("subject of certificate: %w", err)
	}
	name, err := r.Name(subject.String())
	if err != nil {
		return "", err
	}
	return "User:" + name, nil
}
