// Package plan turns an analysed query into physical steps and back from JSON.
//
// A Plan is a tree of Steps: its kinds and their names are those of ksqlDB's execution plans, each with a version in its
// name, and its contexts (such as Aggregate/GroupBy) fix the names of stores and internal topics. A plan is stored as
// JSON with the statement that made it, and a running query is always built from that JSON: so an engine that plans
// differently still builds old queries as they were. Expressions are SQL text over the columns of the step below.
//
// Schemas are not stored, except those of sources: Resolver computes the schema of a step from the step below, both
// when a plan is made and when it is built.
package plan
