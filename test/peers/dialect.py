"""Reads cases {name, sql, want} as JSON from stdin and evaluates each on a local Spark session."""
import json
import sys

from pyspark.sql import SparkSession

cases = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.log.level", "ERROR")
    .getOrCreate()
)
failed = 0
for case in cases:
    try:
        got = spark.sql(case["sql"]).collect()[0]["value"]
    except Exception as error:  # the message is the finding
        got = str(error).split("\n")[0]
    want = case["want"]
    if isinstance(want, dict):
        want = float(want["double"])
    if got != want:
        failed += 1
        print(f"{case['name']}: wanted {want!r}, got {got!r}\n  {case['sql']}")
spark.stop()
print(f"{len(cases) - failed} of {len(cases)} Spark expressions agree")
sys.exit(1 if failed else 0)
