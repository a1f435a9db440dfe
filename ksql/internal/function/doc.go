// Package function holds the SQL functions: scalar, aggregate and table functions are rows of a Registry, one file per
// family. A row has its name, parameters, result type and documentation, so SHOW FUNCTIONS, DESCRIBE FUNCTION and
// docs/functions.md come from the same table that the engine runs.
//
// Resolve* picks the overload for a call as ksqlDB does and returns a call whose Args are the types that the arguments
// must be converted to before each evaluation. Functions are pure unless Volatile is set, keep no state between calls,
// and report what is wrong with a row as an error; the caller makes that NULL and a line of the processing log.
package function
