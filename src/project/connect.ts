import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Engine, openEngine } from "../engine/index.ts";
import type { OnlineStore, SourceResolver } from "../features/index.ts";
import {
  type Log,
  type Progress,
  packageVersion,
  silentLog,
  silentProgress,
  WaybillError,
} from "../foundation/index.ts";
import { type Lake, openLake } from "../lake/index.ts";
import {
  createRecorder,
  type MetadataStore,
  openMetadataStore,
  type Recorder,
  type Step,
} from "../metadata/index.ts";
import { openStore } from "../storage/index.ts";
import type { Warehouse } from "../warehouse/index.ts";
import { CONFIG_FILE, type Config, readConfig, writeDefaultConfig } from "./config.ts";
import { findHome, HOME_FOLDER } from "./home.ts";

export interface ConnectOptions {
  /** The project's folder; by default the nearest `.waybill` from the working folder upwards. */
  readonly home?: string;
  /** Makes the project where there is none: `home`, or `.waybill` in the working folder. */
  readonly create?: boolean;
  readonly log?: Log;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * An open project: one store, one recorder, and the parts over them. Heavy parts are loaded and opened on
 * first use.
 */
export interface Project extends AsyncDisposable {
  /** The `.waybill` folder. */
  readonly home: string;
  /** The folder that holds it, where code and data files are. */
  readonly folder: string;
  readonly config: Config;
  readonly store: MetadataStore;
  readonly recorder: Recorder;
  readonly lake: Lake;
  /** Opens the sources of feature views: Parquet files and warehouse tables. */
  readonly resolveSource: SourceResolver;
  engine(): Promise<Engine>;
  warehouse(): Promise<Warehouse>;
  onlineStore(): Promise<OnlineStore>;
  /** A folder of its own for what a step writes under an output key: `artifacts/NODE/KEY/EXECUTION`. */
  artifactPath(step: Step, node: string, key: string, file: string): string;
}

/**
 * Opens a project. What a killed process left RUNNING is closed as FAILED first.
 * @throws `not_found` when there is no project and `create` is not set; the store's own errors
 */
export async function connect(options: ConnectOptions = {}): Promise<Project> {
  const home = await homeOf(options);
  const config = await readConfig(home);
  const { log = silentLog, progress = silentProgress, signal } = options;
  const folder = dirname(home);
  const resources = new AsyncDisposableStack();
  try {
    const store = resources.use(await openMetadataStore(metadataUri(home, config)));
    const stamp = once(async () => {
      const { makeStamp } = await import("../versioning/index.ts");
      return makeStamp({ folder });
    });
    const recorder = createRecorder(store, {
      stamp: async () => (await stamp())(),
      version: packageVersion(),
      log,
      progress,
      ...(signal === undefined ? {} : { signal }),
    });
    const reaped = await recorder.reap();
    if (reaped > 0) log.log("info", `closed ${reaped} executions that a killed process left open`);

    const engine = once(async () =>
      resources.use(
        await openEngine({
          temporaryFolder: join(home, "tmp"),
          ...(config.threads === undefined ? {} : { threads: config.threads }),
          ...(config.memoryLimit === undefined ? {} : { memoryLimit: config.memoryLimit }),
        }),
      ),
    );
    const warehouse = once(async () => {
      const { openWarehouse } = await import("../warehouse/index.ts");
      return openWarehouse({
        store: openStore(resolve(home, config.warehouse)),
        engine: await engine(),
        heads: recorder,
      });
    });
    const onlineStore = once(async () => {
      const { openOnlineStore } = await import("../features/index.ts");
      return resources.use(await openOnlineStore(`lmdb:${resolve(home, config.online)}`));
    });
    return {
      home,
      folder,
      config,
      store,
      recorder,
      lake: openLake({ store: openStore(resolve(home, config.lake)), metadata: store }),
      engine,
      warehouse,
      onlineStore,
      async resolveSource(source) {
        if (source.kind === "parquet") {
          const { dialect } = await engine();
          const paths = source.paths.map((path) => resolve(folder, path));
          return { relation: dialect.parquet(paths), inputs: [] };
        }
        const table = await (await warehouse()).table(source.table);
        return { relation: table.relation, inputs: [table.artifact] };
      },
      artifactPath: (step, node, key, file) =>
        join(home, "artifacts", node, key, String(step.executionId), file),
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function homeOf(options: ConnectOptions): Promise<string> {
  const found = findHome(options.home === undefined ? {} : { home: options.home });
  const home = found ?? resolve(HOME_FOLDER);
  const config = await readConfig(home).catch((error: unknown) => {
    if (WaybillError.from(error).code === "not_found") return undefined;
    throw error;
  });
  if (config !== undefined) return home;
  if (options.create !== true) {
    throw new WaybillError(
      "not_found",
      found === undefined
        ? `No project here: no "${HOME_FOLDER}" in "${process.cwd()}" or above it.`
        : `"${home}" is no project: it has no ${CONFIG_FILE}.`,
      { hint: "Run: waybill init" },
    );
  }
  await mkdir(home, { recursive: true });
  await writeDefaultConfig(home);
  return home;
}

/** The store's URI with a relative file name made absolute from the home. */
function metadataUri(home: string, { metadata }: Config): string {
  const file = /^sqlite:(?!\/)(.+)$/.exec(metadata)?.[1];
  return file === undefined ? metadata : `sqlite:${resolve(home, file)}`;
}

/** Runs `open` on the first call only. A failure is not kept: the next call tries again. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
