package graph

import "regexp"

// generated matches the names of repartition topics that carry an index of their own.
var generated = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)
