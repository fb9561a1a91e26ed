"""Reads queries {name, sql, want} as JSON from stdin; each must give the rows of the Parquet file `want`."""
import json
import sys

from pyspark.sql import SparkSession

queries = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "1")
    # Compiling a plan takes longer than running it on a handful of rows.
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    .config("spark.sql.adaptive.enabled", "false")
    .config("spark.log.level", "ERROR")
    .getOrCreate()
)


def plain(value):
    """A cell to compare: numbers to six digits, lists and bytes as they sort, NaN as no value."""
    if value is None or value != value:
        return None
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, list):
        return tuple(plain(element) for element in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(f"{value:.6g}")
    return value


failed = 0
for query in queries:
    try:
        got, want = spark.sql(query["sql"]), spark.read.parquet(query["want"])
        columns = sorted(want.columns)
        if sorted(got.columns) != columns:
            raise ValueError(f"columns {got.columns}, wanted {want.columns}")
        rows = [
            sorted(repr(tuple(plain(row[name]) for name in columns)) for row in frame.collect())
            for frame in (got, want)
        ]
        if rows[0] != rows[1]:
            raise ValueError(f"rows {rows[0][:3]}, wanted {rows[1][:3]}")
    except Exception as error:  # the message is the finding
        failed += 1
        print(f"{query['name']}: {str(error)[:500]}\n  {query['sql']}")
spark.stop()
print(f"{len(queries) - failed} of {len(queries)} training sets on Spark are Feast's")
sys.exit(1 if failed else 0)
