// Package api holds the values that cross the SQL engine's border: the entities that statements answer with, the
// typed error, and their JSON shapes, which are ksqlDB's. Packages ksql and ksql/client export them under their own
// names, so that a program that embeds the engine and one that talks to a server handle the same types.
package api
