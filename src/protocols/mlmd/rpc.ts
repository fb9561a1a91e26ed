import { MetadataStoreService } from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { CallName, MetadataStore } from "../../metadata/index.ts";
import { defineRpc, type RpcDefinition, type RpcService } from "../../server/index.ts";

type Definition = RpcDefinition<(typeof MetadataStoreService)["method"]>;

/**
 * ML Metadata's service over a store: every call is the store's call of the same name. Statuses and
 * texts of errors are the store's, which are ML Metadata's.
 */
export function metadataRpc(store: MetadataStore): RpcService {
  const methods = Object.fromEntries(
    MetadataStoreService.methods.map(({ localName }) => [
      localName,
      {
        action: localName.startsWith("put") ? "write" : "read",
        // The store has every method of the service under its name.
        handler: store[localName as CallName],
      },
    ]),
  );
  return defineRpc({
    service: MetadataStoreService,
    resource: { kind: "metadata" },
    // Built from the service's own list, so that no method is left out and none has another's handler.
    methods: methods as unknown as Definition["methods"],
  });
}
