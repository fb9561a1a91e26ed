import {
  createRegistry,
  type DescMessage,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import {
  type Anomalies,
  AnomaliesSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
  file_tensorflow_metadata_proto_v0_statistics,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";

// Commands import this file when they run: help and completion do without protobuf.

/** Statistics in protobuf's JSON, with the field names of the `.proto` file. */
export function statisticsJson(statistics: DatasetFeatureStatisticsList): JsonValue {
  return messageJson(DatasetFeatureStatisticsListSchema, statistics);
}

/** A schema in protobuf's JSON, with the field names of the `.proto` file. */
export function schemaJson(schema: Schema): JsonValue {
  return messageJson(SchemaSchema, schema);
}

/** Anomalies in protobuf's JSON, with the field names of the `.proto` file. */
export function anomaliesJson(anomalies: Anomalies): JsonValue {
  return messageJson(AnomaliesSchema, anomalies);
}

/** Reads statistics from a file: text, binary or TFRecord, by its ending. */
export async function readStatistics(path: string): Promise<DatasetFeatureStatisticsList> {
  const { readMessage } = await import("../statistics/index.ts");
  return readMessage(DatasetFeatureStatisticsListSchema, path);
}

/** Writes statistics, atomically, in the encoding that the file's ending names. */
export async function writeStatistics(
  statistics: DatasetFeatureStatisticsList,
  path: string,
): Promise<void> {
  const { writeMessage } = await import("../statistics/index.ts");
  await writeMessage(DatasetFeatureStatisticsListSchema, statistics, path);
}

function messageJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  const registry = createRegistry(schema.file, file_tensorflow_metadata_proto_v0_statistics);
  return toJson(schema, message, { registry, useProtoFieldName: true });
}
