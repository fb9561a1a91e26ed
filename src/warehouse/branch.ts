import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { TableState } from "./catalog.ts";
import { type Commit, commitMetadata, type WarehouseContext } from "./commit.ts";
import type { ManifestEntry } from "./formats/manifest.ts";
import {
  currentSchema,
  type Snapshot,
  snapshotWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import type { TableName } from "./names.ts";
import { checkFieldIds, FILE_COLUMN, relationOf } from "./relation.ts";
import { liveFiles } from "./scan.ts";
import { addSnapshot, type FileChange } from "./snapshot.ts";

/** Where a change of rows goes: a branch of the table, `main` by default. */
export interface BranchOption {
  readonly branch?: string;
}

/** A changed table, or the table as it was when there was nothing to change. */
export interface RowChange {
  readonly commit: Commit;
  readonly snapshot: Snapshot | undefined;
  /** Rows that were deleted, updated, inserted or rewritten. */
  readonly affectedRows: number;
}

/** Writes the snapshot of a change of files and commits it. */
export async function commitRows(
  context: WarehouseContext,
  step: Step,
  target: {
    readonly name: TableName;
    readonly base: TableState | undefined;
    readonly metadata: TableMetadata;
  },
  branch: string | undefined,
  given: { readonly change: FileChange; readonly affectedRows: number },
): Promise<RowChange> {
  const { metadata, snapshot } = await addSnapshot(
    context.files,
    target.metadata,
    { ...given.change, ...(branch === undefined ? {} : { branch }) },
    context.clock.nowMs(),
  );
  const commit = await commitMetadata(context, step, target.name, {
    base: target.base,
    next: metadata,
    snapshot,
    facts: {
      affected_rows: BigInt(given.affectedRows),
      ...(branch === undefined ? {} : { branch }),
    },
  });
  return { commit, snapshot, affectedRows: given.affectedRows };
}

/** The head of a branch with its files. */
export interface OpenBranch {
  readonly engine: Engine;
  readonly entries: readonly ManifestEntry[];
  /** The rows of some of its data files, without those that are deleted. */
  relation(entries: readonly ManifestEntry[], options?: { readonly withFile?: boolean }): string;
  /** The data files that lie at some local paths. */
  withPaths(paths: ReadonlySet<string>): readonly ManifestEntry[];
}

/** Opens the head of a branch. @throws `not_found`; `invalid_argument` for a tag */
export async function openBranch(
  context: WarehouseContext,
  state: TableState,
  branch: string | undefined,
): Promise<OpenBranch> {
  const { engine, files } = context;
  const { metadata } = state;
  const snapshot = headOfBranch(state, branch);
  const entries = snapshot === undefined ? [] : await liveFiles(files, snapshot);
  await checkFieldIds(engine, files, metadata, entries);
  const deletes = entries.filter(({ file }) => file.content !== "data");
  const table = { metadata, schema: currentSchema(metadata) };
  return {
    engine,
    entries,
    relation: (some, options) => {
      const data = some.filter(({ file }) => file.content === "data");
      return relationOf(engine, files, table, [...data, ...deletes], options);
    },
    withPaths: (paths) =>
      entries.filter(
        ({ file }) => file.content === "data" && paths.has(files.localPath(file.path)),
      ),
  };
}

/** The head of a branch; undefined for `main` before the first snapshot. */
export function headOfBranch(
  { metadata, name }: TableState,
  branch = "main",
): Snapshot | undefined {
  const head = metadata.refs[branch];
  if (head === undefined && branch !== "main") {
    throw new WaybillError("not_found", `The table "${name.full}" has no branch "${branch}".`, {
      hint: `It has ${Object.keys(metadata.refs).join(", ") || "no snapshot yet"}.`,
    });
  }
  if (head?.type === "tag") {
    throw new WaybillError("invalid_argument", `"${branch}" is a tag, which does not move.`, {
      hint: "Make a branch at it and change that.",
    });
  }
  return head && snapshotWithId(metadata, head["snapshot-id"]);
}

/** Which files have rows for which a condition holds, and how many. */
export async function matching(
  table: OpenBranch,
  where: string,
): Promise<{
  /** Never NULL. */
  readonly condition: string;
  readonly touched: readonly ManifestEntry[];
  readonly count: number;
}> {
  const condition = `coalesce((${where}), FALSE)`;
  const rows = await table.engine.rows(
    `SELECT ${FILE_COLUMN} AS file, count(*) AS n ` +
      `FROM ${table.relation(table.entries, { withFile: true })} WHERE ${condition} GROUP BY 1`,
  );
  return {
    condition,
    touched: table.withPaths(new Set(rows.map((row) => String(row["file"])))),
    count: rows.reduce((total, row) => total + Number(row["n"]), 0),
  };
}

/** Checks that a table has some columns. @throws `invalid_argument` */
export function checkColumns(state: TableState, names: readonly string[]): void {
  const known = new Set(currentSchema(state.metadata).fields.map(({ name }) => name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new WaybillError(
    "invalid_argument",
    `The table "${state.name.full}" has no column "${unknown}".`,
    { hint: `It has ${[...known].join(", ")}.` },
  );
}

/** The paths of some files. */
export function pathsOf(entries: readonly ManifestEntry[]): ReadonlySet<string> {
  return new Set(entries.map(({ file }) => file.path));
}

/** What a change gives that had nothing to change. */
export function unchanged(state: TableState): RowChange {
  const { head: artifact, metadataUri, metadata } = state;
  return { commit: { artifact, metadataUri, metadata }, snapshot: undefined, affectedRows: 0 };
}
