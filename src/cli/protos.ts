import {
  createRegistry,
  type DescMessage,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
  file_tensorflow_metadata_proto_v0_statistics,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";

/** A message in protobuf's JSON, with the field names of the `.proto` file. */
export function messageJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): JsonValue {
  const registry = createRegistry(schema.file, file_tensorflow_metadata_proto_v0_statistics);
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

/** Reads statistics from a file: text, binary or TFRecord, by its ending. */
export async function readStatistics(path: string): Promise<DatasetFeatureStatisticsList> {
  const { readMessage } = await import("../statistics/index.ts");
  return readMessage(DatasetFeatureStatisticsListSchema, path);
}
