import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MetadataStoreService } from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { CallName, CallResponse } from "../store.ts";

type Methods = (typeof MetadataStoreService)["method"];

/** The response message of a call, from its fields. */
export function respond<M extends CallName>(
  name: M,
  fields: MessageInitShape<Methods[M]["output"]>,
): CallResponse<M> {
  // The service descriptor pairs every method's name with its output, which the compiler cannot follow.
  return create(MetadataStoreService.method[name].output, fields as never) as CallResponse<M>;
}
