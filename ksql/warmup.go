package ksql

import "github.com/chortal/chortal/ksql/internal/parse"

// warmUp parses some statements, so that the first one of a user does not pay for the parser's tables.
func warmUp() {
	for _, sql := range []string{
		"CREATE STREAM s (k STRING KEY, a INT, b STRUCT<c ARRAY<DOUBLE>, d MAP<STRING, BIGINT>>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);",
		"CREATE TABLE t AS SELECT k, COUNT(*) AS n, SUM(a) FROM s WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 1 HOUR) WHERE a > 1 AND b->c[1] IS NOT NULL OR k LIKE 'x%' GROUP BY k HAVING COUNT(*) > 1 EMIT CHANGES;",
		"SELECT s.k, CASE WHEN a BETWEEN 1 AND 2 THEN 'x' ELSE CAST(a AS STRING) END FROM s LEFT JOIN t ON s.k = t.k WHERE s.k IN ('a', 'b') EMIT CHANGES LIMIT 3;",
		"SELECT * FROM t WHERE k = 'a' AND WINDOWSTART >= '2020-01-01';",
		"INSERT INTO s (k, a) VALUES ('x', 1 + 2);",
		"SHOW STREAMS; DESCRIBE s EXTENDED; DROP TABLE IF EXISTS t DELETE TOPIC;",
	} {
		_, _ = parse.Script(sql, parse.Options{}) // only the parser's tables matter
	}
}
