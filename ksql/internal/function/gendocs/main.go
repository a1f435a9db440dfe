// Command gendocs writes the documentation of the built-in functions to the file that is its argument.
package main

import (
	"fmt"
	"os"

	"github.com/chortal/chortal/ksql/internal/function"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gendocs FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(function.Markdown(function.Builtins())), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
