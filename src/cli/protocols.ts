import { join } from "node:path";
import { type Log, WaybillError } from "../foundation/index.ts";
import type { MetadataStore } from "../metadata/index.ts";
import type { Project } from "../project/index.ts";
import type { sweepLeftovers } from "../protocols/lfs/index.ts";
import type { Route, RpcService } from "../server/index.ts";
import type { ObjectStore } from "../storage/index.ts";

/** What `waybill serve` answers, and what people are told of it. */
export interface Protocols {
  readonly routes: readonly Route[];
  readonly rpc: readonly RpcService[];
  /** Who uses it, and at which address below the server's. */
  readonly addresses: readonly ProtocolAddress[];
}

/** Where the client of one protocol is pointed. */
export interface ProtocolAddress {
  readonly name: string;
  readonly title: string;
  /** Behind `http://HOST:PORT`; undefined for gRPC, whose clients take `HOST:PORT`. */
  readonly path: string | undefined;
}

/**
 * Puts together every protocol over a project. The one list of what a server serves.
 * @param options.metadata in place of the project's store
 * @param options.resources closes after the server what protocols keep open
 */
export async function composeProtocols(
  project: Project,
  options: {
    readonly metadata?: MetadataStore | undefined;
    readonly log: Log;
    readonly resources: AsyncDisposableStack;
  },
): Promise<Protocols> {
  const { log, resources, metadata = project.store } = options;
  const [lfs, mlmd, iceberg, { openStore }] = await Promise.all([
    import("../protocols/lfs/index.ts"),
    import("../protocols/mlmd/index.ts"),
    import("../protocols/iceberg-rest/index.ts"),
    import("../storage/index.ts"),
  ]);
  const lfsStore = openStore(join(project.home, "lfs"));
  const uploads = resources.use(lfs.recordUploads(project.recorder, lfsStore, { log }));
  sweepInBackground(lfs.sweepLeftovers, lfsStore, resources, log);
  const warehouse = await project.warehouse();
  return {
    rpc: [mlmd.metadataRpc(metadata)],
    routes: [
      ...lfs.lfsRoutes({ store: lfsStore, onUpload: uploads.onUpload }),
      ...iceberg.icebergRoutes({ warehouse, recorder: project.recorder }),
    ],
    addresses: [
      { name: "grpc", title: "ML Metadata (gRPC)", path: undefined },
      { name: "lfs", title: "Git LFS", path: "/lfs/OWNER/REPOSITORY" },
      { name: "iceberg", title: "Iceberg REST catalog", path: "/iceberg" },
    ],
  };
}

/** Tidies the store while the server works already; it ends with the server. */
function sweepInBackground(
  sweep: typeof sweepLeftovers,
  store: ObjectStore,
  resources: AsyncDisposableStack,
  log: Log,
): void {
  const controller = new AbortController();
  const swept = sweep(store, { nowMs: Date.now(), signal: controller.signal }).catch(
    (error: unknown) => {
      log.log("warn", `the LFS store was not tidied: ${WaybillError.from(error).message}`);
    },
  );
  resources.defer(async () => {
    controller.abort();
    await swept;
  });
}
