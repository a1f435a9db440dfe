package client

import "github.com/chortal/chortal/ksql/internal/parse"

// Completion is what may stand at a place of a statement.
type Completion = parse.Completion

// Complete returns what may stand at a byte offset of a text, by the grammar alone: names are the server's to tell.
func Complete(text string, offset int) Completion { return parse.Complete(text, offset) }
