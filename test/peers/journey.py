"""journey.py PEER: reads from stdin what a journey should have left, and checks it with the peer's client."""
import json
import sys


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: wanted {want!r}, got {got!r}")


def mlmd(given):
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = given["store"]
    config.sqlite.connection_mode = 1
    store = ml_metadata.MetadataStore(config)
    artifacts = store.get_artifacts()
    executions = store.get_executions()
    events = store.get_events_by_execution_ids([e.id for e in executions])
    check("artifacts, executions, events", [len(artifacts), len(executions), len(events)], given["counts"])
    check("artifact types", sorted({a.type for a in artifacts}), given["types"])
    states = {pb.Execution.State.Name(e.last_known_state) for e in executions}
    check("states", states, {"COMPLETE"})
    print(f"ml-metadata: {len(artifacts)} artifacts, {len(executions)} executions, {len(events)} events")


def iceberg(given):
    from pyiceberg.table import StaticTable

    for expected in given["tables"]:
        table = StaticTable.from_metadata(expected["metadata"])
        check(f"{expected['name']} rows", table.scan().to_arrow().num_rows, expected["rows"])
        check(f"{expected['name']} snapshots", len(table.snapshots()), len(expected["snapshots"]))
        for snapshot in expected["snapshots"]:
            rows = table.scan(snapshot_id=int(snapshot["id"])).to_arrow().num_rows
            check(f"{expected['name']} at {snapshot['id']}", rows, snapshot["rows"])
        print(f"PyIceberg: {expected['name']}, {expected['rows']} rows, {len(expected['snapshots'])} snapshots")


def tfdv(given):
    import tensorflow_data_validation

    for path in given["statistics"]:
        statistics = tensorflow_data_validation.load_stats_binary(path)
        check(path, len(statistics.datasets), 1)
    for path in given["schemas"]:
        schema = tensorflow_data_validation.load_schema_text(path)
    for path in given["anomalies"]:
        tensorflow_data_validation.load_anomalies_text(path)
    # TFDV itself must find in our statistics what we find.
    months = [tensorflow_data_validation.load_stats_binary(p) for p in given["statistics"]]
    months = [m for m in months if any(f.path.step[0] == "delay" for f in m.datasets[0].features)]
    first = tensorflow_data_validation.load_schema_text(given["schemas"][0])
    for index, path in enumerate(given["anomalies"][:2]):
        ours = tensorflow_data_validation.load_anomalies_text(path)
        previous = months[index - 1] if index > 0 else None
        theirs = tensorflow_data_validation.validate_statistics(
            months[index], first, previous_statistics=previous
        )
        found = {k: v.description for k, v in theirs.anomaly_info.items()}
        check(f"anomalies of month {index + 1}", {k: v.description for k, v in ours.anomaly_info.items()}, found)
    print(f"TFDV: {len(given['statistics'])} statistics, {len(given['schemas'])} schemas, same anomalies")


{"mlmd": mlmd, "iceberg": iceberg, "tfdv": tfdv}[sys.argv[1]](json.load(sys.stdin))
