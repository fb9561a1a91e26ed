"""Prints as JSON what the ml-metadata library reads in a database file: nodes, events and links.

  metadata.py FILE
"""
import json
import sys

import ml_metadata
from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2 as pb


def value(message):
    kind = message.WhichOneof("value")
    content = getattr(message, kind)
    if kind == "struct_value":
        return [kind, json_format.MessageToDict(content)]
    return [kind, str(content) if kind == "int_value" else content]


def node(message):
    return {
        "id": str(message.id),
        "type": message.type,
        "name": message.name,
        "properties": {key: value(message.properties[key]) for key in sorted(message.properties)},
        "customProperties": {
            key: value(message.custom_properties[key]) for key in sorted(message.custom_properties)
        },
    }


config = pb.ConnectionConfig()
config.sqlite.filename_uri = sys.argv[1]
config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE
store = ml_metadata.MetadataStore(config)
executions = store.get_executions()
print(
    json.dumps(
        {
            "artifacts": [
                {**node(a), "uri": a.uri, "state": pb.Artifact.State.Name(a.state)}
                for a in store.get_artifacts()
            ],
            "executions": [
                {**node(e), "state": pb.Execution.State.Name(e.last_known_state)}
                for e in executions
            ],
            "contexts": [node(c) for c in store.get_contexts()],
            "events": [
                [
                    str(e.execution_id),
                    pb.Event.Type.Name(e.type),
                    str(e.artifact_id),
                    [str(step.index) if step.HasField("index") else step.key for step in e.path.steps],
                ]
                for e in store.get_events_by_execution_ids([e.id for e in executions])
            ],
        }
    )
)
