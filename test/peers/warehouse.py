"""Opens tables that Waybill wrote with PyIceberg's StaticTable and compares what it sees.

Reads one JSON object from standard input:
  {"tables": [{"metadata": PATH, "schema": [[ID, NAME, TYPE, REQUIRED]], "rows": [ROW], "files": N,
               "snapshots": [{"id": ID, "time_ms": MS, "ids": [ID]}], "filters": [[EXPRESSION, [ID], FILES or null]]}]}
A ROW holds texts, as Python prints its values; rows are compared sorted by their first column.
Exits 1 when something differs, naming it.
"""
import json
import sys
import warnings

warnings.filterwarnings("ignore")

from pyiceberg.table import StaticTable  # noqa: E402

failures = 0
checks = 0


def check(what, got, want):
    global failures, checks
    checks += 1
    if got == want:
        return
    failures += 1
    print(f"DIFFERENT {what}:\n  PyIceberg {got!r}\n  Waybill   {want!r}", file=sys.stderr)


def printed(value):
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        value = dict(value)  # a map
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def kind(field_type):
    return str(field_type).split("<")[0]


def rows_of(table):
    names = table.column_names
    rows = [[printed(row[name]) for name in names] for row in table.to_pylist()]
    return sorted(rows, key=lambda row: int(row[0]))


def ids_of(table):
    return sorted(table.column(0).to_pylist())


for expected in json.load(sys.stdin)["tables"]:
    name = expected["name"]
    table = StaticTable.from_metadata(expected["metadata"])
    fields = [[f.field_id, f.name, kind(f.field_type), f.required] for f in table.schema().fields]
    check(f"schema of {name}", fields, expected["schema"])
    check(f"rows of {name}", rows_of(table.scan().to_arrow()), expected["rows"])
    check(f"data files of {name}", len(list(table.scan().plan_files())), expected["files"])
    check(
        f"snapshots of {name}",
        [[s.snapshot_id, s.timestamp_ms] for s in table.snapshots()],
        [[s["id"], s["time_ms"]] for s in expected["snapshots"]],
    )
    for snapshot in expected["snapshots"]:
        seen = ids_of(table.scan(snapshot_id=snapshot["id"]).to_arrow())
        check(f"rows of {name} at {snapshot['id']}", seen, snapshot["ids"])
        as_of = table.snapshot_as_of_timestamp(snapshot["time_ms"])
        check(f"snapshot of {name} as of {snapshot['time_ms']}", as_of.snapshot_id, snapshot["id"])
    for expression, ids, files in expected["filters"]:
        scan = table.scan(row_filter=expression)
        check(f"{name} where {expression}", ids_of(scan.to_arrow()), ids)
        if files is not None:
            check(f"files of {name} where {expression}", len(list(scan.plan_files())), files)

if checks == 0:
    print("no table was compared", file=sys.stderr)
    failures += 1
print(f"PyIceberg: {checks - failures} of {checks} checks equal")
sys.exit(1 if failures else 0)
