import { randomUUID } from "node:crypto";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Engine } from "../engine/index.ts";
import { type Clock, WaybillError } from "../foundation/index.ts";
import type { Properties, Step } from "../metadata/index.ts";
import type { Catalog, HeadLookup, TableState } from "./catalog.ts";
import type { TableFiles } from "./files.ts";
import {
  currentSnapshot,
  NO_SNAPSHOT,
  printTableMetadata,
  type Snapshot,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import { headOf, type TableName } from "./names.ts";

/** What the verbs of a warehouse share. */
export interface WarehouseContext {
  readonly engine: Engine;
  readonly files: TableFiles;
  readonly catalog: Catalog;
  readonly heads: HeadLookup;
  readonly clock: Clock;
}

/** What a commit gives: the table as it will be once the step closes. */
export interface Commit {
  readonly artifact: Artifact;
  readonly metadataUri: string;
  readonly metadata: TableMetadata;
}

/** The type of the artifacts that table heads point at. */
export const TABLE_TYPE = "WarehouseTable";
const DEFAULT_METADATA_LOG_LENGTH = 100;

/** Steps that have committed, with the tables: a head can move once in a step's transaction. */
const committed = new WeakMap<Step, Set<string>>();

/** What is to be committed to a table. */
export interface TableCommit {
  /** The state that `next` was made of; undefined for a new table. */
  readonly base: TableState | undefined;
  readonly next: TableMetadata;
  /** The snapshot that was made, when it is not on `main`. */
  readonly snapshot?: Snapshot;
  /** Facts about the change for the artifact, beside those of the snapshot. */
  readonly facts?: Properties;
  /** The file that holds `next` already; a new one is written without it. */
  readonly metadataUri?: string;
}

/**
 * Commits a table's next metadata: writes it to a new file and makes the step move the table's head to
 * it, if the head still is where `base` saw it. Nothing is visible before the step closes.
 * @throws `failed_precondition` when the step has committed to this table already
 */
export async function commitMetadata(
  context: WarehouseContext,
  step: Step,
  name: TableName,
  change: TableCommit,
): Promise<Commit> {
  claim(step, name);
  const { base, next } = change;
  const head = base?.head ?? (await context.catalog.head(name));
  if (base === undefined) await context.catalog.announce(name);
  else step.input("parent", base.head);

  const metadata = withLog(next, base, context.clock.nowMs());
  const metadataUri = change.metadataUri ?? (await writeMetadata(context, base, metadata));
  const snapshot = change.snapshot ?? currentSnapshot(metadata);
  const artifact = step.output("table", TABLE_TYPE, {
    uri: metadataUri,
    customProperties: { table: name.full, ...factsOf(metadata, snapshot), ...change.facts },
    ref: { name: headOf(name), expect: head?.id },
  });
  step.log.log("debug", `committed ${name.full} as ${metadataUri}`);
  return { artifact, metadataUri, metadata };
}

async function writeMetadata(
  { files, catalog }: WarehouseContext,
  base: TableState | undefined,
  metadata: TableMetadata,
): Promise<string> {
  const number = base === undefined ? 0 : numberOf(base.metadataUri) + 1;
  const folder = `${files.keyOf(metadata.location)}/metadata`;
  const uri = await files.write(
    `${folder}/${String(number).padStart(5, "0")}-${randomUUID()}.metadata.json`,
    printTableMetadata(metadata),
  );
  // Whether the commit wins or not, this file holds this metadata.
  catalog.remember(uri, metadata);
  return uri;
}

/** Commits that a table has another name: both heads move, or none. */
export async function commitRename(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  name: TableName,
): Promise<void> {
  await commitMetadata(context, step, name, {
    base: undefined,
    next: state.metadata,
    metadataUri: state.metadataUri,
    facts: { renamed_from: state.name.full },
  });
  await commitDrop(step, state);
}

/** Commits that a table is dropped: its head becomes an artifact that says so. */
export async function commitDrop(step: Step, state: TableState): Promise<void> {
  claim(step, state.name);
  step.input("parent", state.head);
  step.output("table", TABLE_TYPE, {
    uri: state.metadataUri,
    customProperties: { table: state.name.full, dropped: true },
    ref: { name: headOf(state.name), expect: state.head.id },
  });
}

function claim(step: Step, name: TableName): void {
  const tables = committed.get(step) ?? new Set<string>();
  if (tables.has(name.full)) {
    throw new WaybillError(
      "failed_precondition",
      `This step has committed to the table "${name.full}" already.`,
      { hint: "Commit to a table once in a step; open another step for the next change." },
    );
  }
  tables.add(name.full);
  committed.set(step, tables);
}

function withLog(next: TableMetadata, base: TableState | undefined, nowMs: number): TableMetadata {
  if (base === undefined) return next;
  const kept = Number(next.properties["write.metadata.previous-versions-max"]);
  const length = Number.isInteger(kept) && kept > 0 ? kept : DEFAULT_METADATA_LOG_LENGTH;
  const log = [
    ...base.metadata["metadata-log"],
    { "metadata-file": base.metadataUri, "timestamp-ms": base.metadata["last-updated-ms"] },
  ];
  // Times of one table only grow, whatever the clock does, so that each state can be asked for by time.
  const before = base.metadata["last-updated-ms"];
  const updated =
    next["last-updated-ms"] > before ? next["last-updated-ms"] : Math.max(nowMs, before + 1);
  return { ...next, "last-updated-ms": updated, "metadata-log": log.slice(-length) };
}

/** The number in a metadata file's name; 0 for names that others chose. */
function numberOf(metadataUri: string): number {
  const number = /\/v?(\d+)[-.][^/]*metadata\.json$/.exec(metadataUri)?.[1];
  return number === undefined ? 0 : Number(number);
}

function factsOf(metadata: TableMetadata, snapshot: Snapshot | undefined): Properties {
  const schema = BigInt(metadata["current-schema-id"]);
  if (snapshot === undefined) return { snapshot_id: NO_SNAPSHOT, schema_id: schema, rows: 0n };
  const count = (key: string) => BigInt(/^\d{1,18}$/.exec(snapshot.summary[key] ?? "")?.[0] ?? 0);
  return {
    snapshot_id: snapshot["snapshot-id"],
    schema_id: schema,
    operation: snapshot.summary["operation"] ?? "append",
    rows: count("total-records"),
    added_rows: count("added-records"),
    deleted_rows: count("deleted-records"),
    data_files: count("total-data-files"),
    snapshot_time_ms: BigInt(snapshot["timestamp-ms"]),
  };
}
