package client

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
)

// Session is a client with the properties of SET and the variables of DEFINE, which the server does not keep.
// It is not safe for concurrent use.
type Session struct {
	Client     *Client
	Properties map[string]string
	Variables  map[string]string
}

// NewSession returns a session without properties and variables.
func NewSession(c *Client) *Session {
	return &Session{Client: c, Properties: map[string]string{}, Variables: map[string]string{}}
}

// Options are what the session adds to a request.
func (s *Session) Options() Options {
	return Options{Properties: maps.Clone(s.Properties), Variables: maps.Clone(s.Variables)}
}

// Execute runs one statement of KindStatement or KindSession.
func (s *Session) Execute(ctx context.Context, st Statement) ([]Entity, error) {
	if st.Kind != KindSession {
		return s.Client.Execute(ctx, st.Text+";", s.Options())
	}
	message, err := s.apply(st.Text)
	if err != nil {
		return nil, err
	}
	return []Entity{{Type: "currentStatus", StatementText: st.Text, CommandStatus: &CommandStatus{Status: "SUCCESS", Message: message}, Warnings: []api.Warning{}}}, nil
}

// Query runs a statement of KindQuery.
func (s *Session) Query(ctx context.Context, st Statement) (*Rows, error) {
	return s.Client.Query(ctx, st.Text+";", s.Options())
}

var (
	setForm      = regexp.MustCompile(`(?is)^SET\s+'((?:[^']|'')+)'\s*=\s*'((?:[^']|'')*)'$`)
	unsetForm    = regexp.MustCompile(`(?is)^UNSET\s+'((?:[^']|'')+)'$`)
	defineForm   = regexp.MustCompile(`(?is)^DEFINE\s+([a-z_][a-z0-9_]*)\s*=\s*'((?:[^']|'')*)'$`)
	undefineForm = regexp.MustCompile(`(?is)^UNDEFINE\s+([a-z_][a-z0-9_]*)$`)
)

// apply changes the session and returns the sentence that says so.
func (s *Session) apply(text string) (string, error) {
	text = strings.TrimSpace(skipSpace(text))
	if m := setForm.FindStringSubmatch(text); m != nil {
		name, value := unquote(m[1]), s.Substitute(unquote(m[2]))
		old, had := s.Properties[name]
		s.Properties[name] = value
		if had {
			return fmt.Sprintf("Successfully changed local property '%s' from '%s' to '%s'.", name, old, value), nil
		}
		return fmt.Sprintf("Successfully changed local property '%s' to '%s'.", name, value), nil
	}
	if m := unsetForm.FindStringSubmatch(text); m != nil {
		name := unquote(m[1])
		old, had := s.Properties[name]
		if !had {
			return "", &Error{Code: 40001, Message: fmt.Sprintf("Cannot unset property '%s' which was not set in the first place.", name), Statement: text}
		}
		delete(s.Properties, name)
		return fmt.Sprintf("Successfully unset local property '%s' (value was '%s').", name, old), nil
	}
	if m := defineForm.FindStringSubmatch(text); m != nil {
		s.Variables[m[1]] = s.Substitute(unquote(m[2]))
		return fmt.Sprintf("Variable %s defined.", m[1]), nil
	}
	if m := undefineForm.FindStringSubmatch(text); m != nil {
		if _, had := s.Variables[m[1]]; !had {
			return "", &Error{Code: 40001, Message: fmt.Sprintf("Cannot undefine variable '%s' which was not defined.", m[1]), Statement: text}
		}
		delete(s.Variables, m[1])
		return fmt.Sprintf("Variable %s undefined.", m[1]), nil
	}
	return "", &Error{
		Code: 40001, Message: "Syntax error in a session statement.", Statement: text, Line: 1, Column: 1,
		Hint: "SET 'property' = 'value'; UNSET 'property'; DEFINE name = 'value'; UNDEFINE name;",
	}
}

// Substitute replaces ${name} by the session's variables; names that are not defined stay.
func (s *Session) Substitute(text string) string {
	if len(s.Variables) == 0 || !strings.Contains(text, "${") {
		return text
	}
	pairs := make([]string, 0, 2*len(s.Variables))
	for name, value := range s.Variables {
		pairs = append(pairs, "${"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func unquote(s string) string { return strings.ReplaceAll(s, "''", "'") }
