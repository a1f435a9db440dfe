package parse_test

import (
	"strings"
	"testing"

	"github.com/chortal/chortal/ksql/internal/parse"
)

const wide = `CREATE TABLE sales_by_product WITH (kafka_topic='sales_by_product', value_format='JSON', partitions=4) AS
SELECT p.name AS product, p.category, COUNT(*) AS n, SUM(s.price * s.quantity) AS total, AVG(s.price) AS mean,
  CASE WHEN SUM(s.price) > 1000 THEN 'large' WHEN SUM(s.price) BETWEEN 100 AND 1000 THEN 'medium' ELSE 'small' END AS size
FROM sales s LEFT JOIN products p ON s.product_id = p.id
WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 1 HOUR)
WHERE s.price > 0 AND s.country IN ('ES', 'FR', 'IT') AND NOT (p.category LIKE 'test%')
GROUP BY p.name, p.category
HAVING COUNT(*) > 10
EMIT CHANGES;`

func BenchmarkParseSmall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse.Statement("SELECT * FROM ventas WHERE precio > 3 EMIT CHANGES;", parse.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCTAS(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse.Statement(wide, parse.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseNested(b *testing.B) {
	s := "select " + strings.Repeat("f(", 200) + "1" + strings.Repeat(")", 200) + " from s"
	for b.Loop() {
		if _, err := parse.Statement(s, parse.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	for b.Loop() {
		parse.Complete("select a, b from s where a = 1 ", 31)
	}
}
