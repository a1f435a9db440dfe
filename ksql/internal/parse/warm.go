package parse

// warmUp is one statement of each kind that is usual in a session.
var warmUp = []string{
	`CREATE STREAM s (id STRING KEY, a INT, b ARRAY<STRING>, c MAP<STRING, DOUBLE>, d STRUCT<x BIGINT, y DECIMAL(4, 2)>) WITH (kafka_topic='t', value_format='JSON', partitions=1);`,
	`CREATE TABLE t (id BIGINT PRIMARY KEY, n VARCHAR) WITH (kafka_topic='t2', format='JSON');`,
	`CREATE OR REPLACE SOURCE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY, h BYTES HEADER('k')) WITH (kafka_topic='t');`,
	`CREATE TABLE c AS SELECT id, COUNT(*) AS n, SUM(a) total FROM s WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 2 DAYS, GRACE PERIOD 10 MINUTES) WHERE a > 3 AND NOT b[1] LIKE 'x%' GROUP BY id HAVING COUNT(*) > 1 EMIT CHANGES;`,
	`CREATE STREAM j WITH (partitions=4) AS SELECT s.id, t.n, UCASE(t.n) || 'x' FROM s LEFT JOIN t ON s.id = t.id EMIT CHANGES;`,
	`CREATE STREAM j2 AS SELECT * FROM s JOIN s2 WITHIN 10 SECONDS GRACE PERIOD 1 SECOND ON s.id = s2.id PARTITION BY s.a;`,
	`SELECT *, s.*, d->x, d->*, CASE WHEN a BETWEEN 1 AND 2 THEN 'x' ELSE NULL END, CAST(a AS STRING), -a * (1 + 2.5) FROM s WHERE a IN (1, 2) OR b IS NOT NULL AND c['k'] <> 1e3 EMIT CHANGES LIMIT 5;`,
	`SELECT TRANSFORM(b, x => UCASE(x)), REDUCE(b, 0, (st, x) => st + LEN(x)), MAP('a' := 1), STRUCT(f := 1), ARRAY[1, 2] FROM s WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR) GROUP BY id, a EMIT FINAL;`,
	`SELECT id, COUNT(*) FROM s WINDOW SESSION (5 MINUTES) GROUP BY id;`,
	`INSERT INTO s (id, a) VALUES ('x', 1);`, `INSERT INTO s SELECT * FROM s2 WHERE a IS DISTINCT FROM 1;`,
	`DROP STREAM IF EXISTS s DELETE TOPIC;`, `ALTER STREAM s ADD COLUMN x INT;`, `CREATE TYPE x AS STRUCT<a INT>;`,
	`SHOW STREAMS EXTENDED;`, `LIST TOPICS;`, `SHOW QUERIES;`, `DESCRIBE s EXTENDED;`, `PRINT 't' FROM BEGINNING LIMIT 3;`,
	`EXPLAIN SELECT * FROM s;`, `TERMINATE q;`, `SET 'a'='b';`,
}

// Warm fills the parser's prediction cache, so that the first statement of a user does not pay for it.
func Warm() {
	for _, s := range warmUp {
		_, _ = Statement(s, Options{})
	}
}
