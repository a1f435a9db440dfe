package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// openFile opens a file that a flag names.
func openFile(path string) (*os.File, error) { return os.Open(path) }

// askPassword asks a person twice, without showing what is typed.
func (s *settings) askPassword() (string, error) {
	in, ok := s.in.(*os.File)
	if !ok {
		return "", errors.New("nobody can be asked for a password")
	}
	read := func(question string) ([]byte, error) {
		fmt.Fprint(s.err, question)
		defer fmt.Fprintln(s.err)
		return term.ReadPassword(int(in.Fd()))
	}
	first, err := read("New password: ")
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	second, err := read("Again: ")
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	if string(first) != string(second) || len(first) == 0 {
		return "", errors.New("the passwords differ, or are empty")
	}
	return string(first), nil
}
