import { WaybillError } from "../foundation/index.ts";
import type { TableState } from "./catalog.ts";
import { type Snapshot, snapshotWithId, type TableMetadata } from "./formats/table-metadata.ts";
import { type AsOf, snapshotAsOf } from "./scan.ts";
import type { TableUpdate } from "./table-update.ts";
import { applyUpdates } from "./updates.ts";

/** A tag (a snapshot with a name) or a branch (a line of snapshots beside `main`). */
export interface RefDefinition {
  readonly name: string;
  readonly type: "tag" | "branch";
  /** Where it points; the current snapshot by default. */
  readonly at?: AsOf;
  /** Expiry drops the ref when it is older. */
  readonly maxAgeMs?: number;
}

/** Which snapshots expiry keeps, beside those that tags and heads of branches point at. */
export interface ExpireOptions {
  /** Snapshots from this time on are kept. */
  readonly olderThan: Date;
  /** As many of each branch are kept, whatever their age; 1 by default. */
  readonly keepLast?: number;
}

/** The metadata with a ref made or moved. @throws `already_exists` for a tag that is there */
export function withRef(state: TableState, ref: RefDefinition, nowMs: number): TableMetadata {
  const { metadata, name } = state;
  const before = metadata.refs[ref.name];
  if (ref.name === "main" || ref.name === "" || ref.name.trim() !== ref.name) {
    throw new WaybillError("invalid_argument", `A ref cannot be named "${ref.name}".`);
  }
  if (before !== undefined && (before.type !== ref.type || ref.type === "tag")) {
    throw new WaybillError(
      "already_exists",
      `The table "${name.full}" has a ${before.type} "${ref.name}" already.`,
      { hint: "Drop it first, or choose another name." },
    );
  }
  const snapshot = snapshotAsOf(state, ref.at ?? "main");
  return applyUpdates(
    metadata,
    [
      {
        action: "set-snapshot-ref",
        "ref-name": ref.name,
        type: ref.type,
        "snapshot-id": snapshot["snapshot-id"],
        ...(ref.maxAgeMs === undefined ? {} : { "max-ref-age-ms": ref.maxAgeMs }),
      },
    ],
    nowMs,
  );
}

/** The metadata without a ref. @throws `not_found` */
export function withoutRef(state: TableState, ref: string, nowMs: number): TableMetadata {
  if (ref === "main") {
    throw new WaybillError("invalid_argument", 'The branch "main" cannot be dropped.');
  }
  // Tells which refs there are when this one is not.
  snapshotAsOf(state, ref);
  return applyUpdates(state.metadata, [{ action: "remove-snapshot-ref", "ref-name": ref }], nowMs);
}

/** The metadata with an earlier snapshot as the current one. Nothing is deleted: it can be undone. */
export function rolledBack(state: TableState, to: AsOf, nowMs: number): TableMetadata {
  const id = snapshotAsOf(state, to)["snapshot-id"];
  const main = state.metadata.refs["main"];
  return applyUpdates(
    state.metadata,
    [
      {
        ...main,
        action: "set-snapshot-ref",
        "ref-name": "main",
        type: "branch",
        "snapshot-id": id,
      },
    ],
    nowMs,
  );
}

/**
 * The metadata without old snapshots, and without refs that have outlived their age. Files are not
 * touched: what no snapshot reaches any more is for the clean-up of orphans.
 * Source: Apache Iceberg specification, "Snapshot Retention Policy".
 */
export function expired(state: TableState, options: ExpireOptions, nowMs: number): TableMetadata {
  const { metadata } = state;
  const keepLast = options.keepLast ?? 1;
  if (!Number.isInteger(keepLast) || keepLast < 1) {
    throw new WaybillError("invalid_argument", "Expiry keeps at least one snapshot of a branch.");
  }
  const updates: TableUpdate[] = [];
  const kept = new Set<bigint>();
  for (const [name, ref] of Object.entries(metadata.refs)) {
    const head = snapshotWithId(metadata, ref["snapshot-id"]);
    if (head === undefined) continue;
    const maxAgeMs = ref["max-ref-age-ms"];
    if (name !== "main" && maxAgeMs !== undefined && head["timestamp-ms"] < nowMs - maxAgeMs) {
      updates.push({ action: "remove-snapshot-ref", "ref-name": name });
      continue;
    }
    if (ref.type === "tag") {
      kept.add(head["snapshot-id"]);
      continue;
    }
    const atLeast = ref["min-snapshots-to-keep"] ?? keepLast;
    const age = ref["max-snapshot-age-ms"];
    const oldest = age === undefined ? options.olderThan.getTime() : nowMs - age;
    for (const [index, snapshot] of ancestorsOf(metadata, head).entries()) {
      if (index >= atLeast && snapshot["timestamp-ms"] < oldest) break;
      kept.add(snapshot["snapshot-id"]);
    }
  }
  // A snapshot that no ref reaches (rolled back from, or of a branch that is gone) has its age only.
  const gone = metadata.snapshots.filter(
    (snapshot) =>
      !kept.has(snapshot["snapshot-id"]) && snapshot["timestamp-ms"] < options.olderThan.getTime(),
  );
  if (gone.length > 0) {
    const ids = gone.map((snapshot) => snapshot["snapshot-id"]);
    updates.push({ action: "remove-snapshots", "snapshot-ids": ids });
  }
  return updates.length === 0 ? metadata : applyUpdates(metadata, updates, nowMs);
}

/** A snapshot and those that it was made of, the newest first. */
export function ancestorsOf(metadata: TableMetadata, head: Snapshot): readonly Snapshot[] {
  const line: Snapshot[] = [];
  const seen = new Set<bigint>();
  for (
    let snapshot: Snapshot | undefined = head;
    snapshot !== undefined && !seen.has(snapshot["snapshot-id"]);
  ) {
    seen.add(snapshot["snapshot-id"]);
    line.push(snapshot);
    const parent: bigint | undefined = snapshot["parent-snapshot-id"];
    snapshot = parent === undefined ? undefined : snapshotWithId(metadata, parent);
  }
  return line;
}
