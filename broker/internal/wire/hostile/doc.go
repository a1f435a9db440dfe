// Package hostile makes requests that no client sends, for tests: valid frames of every API and version with their
// bytes changed, lengths and counts that lie, bombs, cuts, and noise. The same seed gives the same frames.
package hostile
