import type { Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import type { TableState } from "./catalog.ts";
import { type Commit, commitMetadata, type WarehouseContext } from "./commit.ts";
import type { DataFile, ManifestEntry } from "./formats/manifest.ts";
import {
  currentSchema,
  type Snapshot,
  snapshotWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import type { TableName } from "./names.ts";
import { checkFieldIds, FILE_COLUMN, partitionKey, relationOf } from "./relation.ts";
import { liveFiles } from "./scan.ts";
import { addSnapshot, type FileChange } from "./snapshot.ts";
import { columnSqlType } from "./types.ts";
import { writeRows } from "./write.ts";

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

/** Rows by key that a merge brings. */
export interface MergeOptions extends BranchOption {
  readonly relation: string;
  /** The columns that tell whether two rows are the same. */
  readonly on: readonly string[];
  /** What becomes of a row whose key is there already; `update` by default. */
  readonly whenMatched?: "update" | "ignore";
  /** What becomes of a row whose key is new; `insert` by default. */
  readonly whenNotMatched?: "insert" | "ignore";
}

/** Files below this share of the target are small. */
const SMALL_FILE_SHARE = 0.75;
const DEFAULT_TARGET_BYTES = 128 << 20;

/**
 * Appends the rows of a relation as one snapshot.
 * @param base the table, or the metadata of one that this commit makes
 */
export async function appendRows(
  context: WarehouseContext,
  step: Step,
  name: TableName,
  base: TableState | { readonly metadata: TableMetadata },
  options: BranchOption & { readonly relation: string },
): Promise<RowChange> {
  const state = "head" in base ? base : undefined;
  if (state !== undefined) headOfBranch(state, options.branch);
  const added = await writeRows({ step, ...context }, base.metadata, options.relation);
  return commitRows(context, step, { name, base: state, metadata: base.metadata }, options.branch, {
    change: { operation: "append", added },
    affectedRows: added.reduce((total, { rowCount }) => total + rowCount, 0),
  });
}

/**
 * Replaces the rows for which a condition holds (all, when there is none) by those of a relation, in
 * one snapshot. The relation may read the table itself.
 */
export async function overwriteRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: BranchOption & { readonly relation: string; readonly where?: string },
): Promise<RowChange> {
  const table = await openBranch(context, state, options.branch);
  const { condition, touched, count } = await matching(table, options.where ?? "TRUE");
  // Without a condition the delete files have nothing left to be about.
  const removed = options.where === undefined ? table.entries : touched;
  const kept = `(SELECT * FROM ${table.relation(touched)} WHERE NOT ${condition})`;
  const added = [
    ...(await writeRows({ step, ...context }, state.metadata, options.relation)),
    ...(options.where === undefined
      ? []
      : await writeRows({ step, ...context }, state.metadata, kept)),
  ];
  return commitRows(context, step, { ...state, base: state }, options.branch, {
    change: { operation: "overwrite", added, removed: pathsOf(removed) },
    affectedRows: count,
  });
}

/** Deletes the rows for which a condition holds, by rewriting the files that have any. */
export async function deleteRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: BranchOption & { readonly where: string },
): Promise<RowChange> {
  const table = await openBranch(context, state, options.branch);
  const { condition, touched, count } = await matching(table, options.where);
  if (count === 0) return unchanged(state);
  const kept = `(SELECT * FROM ${table.relation(touched)} WHERE NOT ${condition})`;
  const added = await writeRows({ step, ...context }, state.metadata, kept);
  const operation = added.length === 0 ? "delete" : "overwrite";
  return commitRows(context, step, { ...state, base: state }, options.branch, {
    change: { operation, added, removed: pathsOf(touched) },
    affectedRows: count,
  });
}

/** Sets columns to expressions in the rows for which a condition holds (all, when there is none). */
export async function updateRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: BranchOption & {
    readonly set: Readonly<Record<string, string>>;
    readonly where?: string;
  },
): Promise<RowChange> {
  const { dialect } = context.engine;
  const table = await openBranch(context, state, options.branch);
  checkColumns(state, Object.keys(options.set));
  const { condition, touched, count } = await matching(table, options.where ?? "TRUE");
  if (count === 0) return unchanged(state);
  const columns = currentSchema(state.metadata).fields.map(({ name, type }) => {
    const column = dialect.quoteIdentifier(name);
    const expression = Object.hasOwn(options.set, name) ? options.set[name] : undefined;
    if (expression === undefined) return column;
    const typeName = columnSqlType(dialect, type, name);
    return `CASE WHEN ${condition} THEN CAST((${expression}) AS ${typeName}) ELSE ${column} END AS ${column}`;
  });
  const changed = `(SELECT ${columns.join(", ")} FROM ${table.relation(touched)})`;
  const added = await writeRows({ step, ...context }, state.metadata, changed);
  return commitRows(context, step, { ...state, base: state }, options.branch, {
    change: { operation: "overwrite", added, removed: pathsOf(touched) },
    affectedRows: count,
  });
}

/**
 * Brings rows by key: those whose key is there are updated, the others inserted, in one snapshot.
 * Columns that the relation lacks keep their value, or are NULL in new rows.
 * @throws `invalid_argument` when a key is twice in the relation: which row would win is undefined
 */
export async function mergeRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: MergeOptions,
): Promise<RowChange> {
  const { whenMatched = "update", whenNotMatched = "insert" } = options;
  checkColumns(state, options.on);
  if (options.on.length === 0) {
    throw new WaybillError("invalid_argument", "A merge needs a column to tell rows apart by.");
  }
  // In a session of its own, so that the relation is read once and gives the same rows throughout.
  return context.engine.session(async (engine) => {
    const session = { ...context, engine };
    const { dialect } = engine;
    const quoted = options.on.map((name) => dialect.quoteIdentifier(name));
    const table = await openBranch(session, state, options.branch);
    const source = "_waybill_merge";
    const { signal } = step;
    await engine.execute(
      `CREATE OR REPLACE TEMP TABLE ${source} AS SELECT * FROM ${options.relation}`,
      { signal },
    );
    const given = (await engine.columns(source)).map(({ name }) => name);
    checkColumns(state, given);
    await checkKeys(engine, source, options.on, given);

    const on = quoted.map((key) => `t.${key} = s.${key}`).join(" AND ");
    const all = table.relation(table.entries, { withFile: true });
    const matched = await engine.rows(
      `SELECT ${FILE_COLUMN} AS file, count(*) AS n FROM ${all} AS t SEMI JOIN ${source} AS s ON ${on} GROUP BY 1`,
      { signal },
    );
    const updates = whenMatched === "update" ? matched : [];
    const touched = table.withPaths(new Set(updates.map((row) => String(row["file"]))));
    const columns = currentSchema(state.metadata).fields.map(({ name, type }) => ({
      column: dialect.quoteIdentifier(name),
      typeName: columnSqlType(dialect, type, name),
      isGiven: given.includes(name),
    }));
    const isMatched = `s.${quoted[0]} IS NOT NULL`;
    const updated = columns.map(({ column, isGiven }) =>
      isGiven
        ? `CASE WHEN ${isMatched} THEN s.${column} ELSE t.${column} END AS ${column}`
        : `t.${column} AS ${column}`,
    );
    const inserted = columns.map(({ column, typeName, isGiven }) =>
      isGiven ? `s.${column}` : `CAST(NULL AS ${typeName}) AS ${column}`,
    );
    const parts = [];
    if (touched.length > 0) {
      parts.push(
        `SELECT ${updated.join(", ")} FROM ${table.relation(touched)} AS t LEFT JOIN ${source} AS s ON ${on}`,
      );
    }
    const fresh = `${source} AS s ANTI JOIN ${all} AS t ON ${on}`;
    const [counted] = await engine.rows(`SELECT count(*) AS n FROM ${fresh}`, { signal });
    const insertCount = whenNotMatched === "insert" ? Number(counted?.["n"]) : 0;
    if (insertCount > 0) parts.push(`SELECT ${inserted.join(", ")} FROM ${fresh}`);
    if (parts.length === 0) return unchanged(state);

    const added = await writeRows(
      { step, ...session },
      state.metadata,
      `(${parts.join(" UNION ALL ")})`,
    );
    const updateCount = updates.reduce((total, row) => total + Number(row["n"]), 0);
    return commitRows(session, step, { ...state, base: state }, options.branch, {
      change: {
        operation: touched.length > 0 ? "overwrite" : "append",
        added,
        removed: pathsOf(touched),
      },
      affectedRows: updateCount + insertCount,
    });
  });
}

/**
 * Rewrites small files, and those that delete files are about, into few large ones. The rows stay.
 * @param options.targetBytes files of about this size are made; smaller ones are what is rewritten
 */
export async function compactRows(
  context: WarehouseContext,
  step: Step,
  state: TableState,
  options: BranchOption & { readonly targetBytes?: number } = {},
): Promise<RowChange> {
  const target = options.targetBytes ?? DEFAULT_TARGET_BYTES;
  const table = await openBranch(context, state, options.branch);
  const deletes = table.entries.filter(({ file }) => file.content !== "data");
  const data = table.entries.filter(({ file }) => file.content === "data");
  const small = data.filter(
    ({ file }) => deletes.length > 0 || file.sizeBytes < target * SMALL_FILE_SHARE,
  );
  const bins = [...Map.groupBy(small, partitionKey).values()]
    .flatMap((group) => packed(group, target))
    .filter((bin) => bin.length > 1 || deletes.length > 0);
  if (bins.length === 0) return unchanged(state);
  const added: DataFile[] = [];
  for (const bin of bins) {
    step.progress.report(`compacting ${state.name.full}`, added.length, bins.length, "files");
    added.push(...(await writeRows({ step, ...context }, state.metadata, table.relation(bin))));
  }
  const removed = [...bins.flat(), ...deletes];
  return commitRows(context, step, { ...state, base: state }, options.branch, {
    change: { operation: "replace", added, removed: pathsOf(removed) },
    affectedRows: bins.flat().reduce((total, { file }) => total + file.rowCount, 0),
  });
}

/** Writes the snapshot of a change of files and commits it. */
async function commitRows(
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
interface OpenBranch {
  readonly engine: Engine;
  readonly entries: readonly ManifestEntry[];
  /** The rows of some of its data files, without those that are deleted. */
  relation(entries: readonly ManifestEntry[], options?: { readonly withFile?: boolean }): string;
  /** The data files that lie at some local paths. */
  withPaths(paths: ReadonlySet<string>): readonly ManifestEntry[];
}

async function openBranch(
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
function headOfBranch({ metadata, name }: TableState, branch = "main"): Snapshot | undefined {
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
async function matching(
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

async function checkKeys(
  engine: Engine,
  source: string,
  on: readonly string[],
  given: readonly string[],
): Promise<void> {
  const missing = on.find((name) => !given.includes(name));
  if (missing !== undefined) {
    throw new WaybillError("invalid_argument", `The rows to merge have no column "${missing}".`);
  }
  const keys = on.map((name) => engine.dialect.quoteIdentifier(name));
  const isNull = keys.map((key) => `${key} IS NULL`).join(" OR ");
  const [row] = await engine.rows(`
    SELECT (SELECT count(*) FROM ${source} WHERE ${isNull}) AS nulls,
      (SELECT count(*) FROM (
        SELECT 1 FROM ${source} GROUP BY ${keys.join(", ")} HAVING count(*) > 1)) AS doubles`);
  const what = on.map((name) => `"${name}"`).join(", ");
  if (Number(row?.["nulls"]) > 0) {
    throw new WaybillError(
      "invalid_argument",
      `${row?.["nulls"]} of the rows to merge have no ${what}, by which they are told apart.`,
    );
  }
  if (Number(row?.["doubles"]) > 0) {
    throw new WaybillError(
      "invalid_argument",
      `${row?.["doubles"]} keys (${what}) are more than once in the rows to merge.`,
      { hint: "Keep one row of each key, for example the newest." },
    );
  }
}

function checkColumns(state: TableState, names: readonly string[]): void {
  const known = new Set(currentSchema(state.metadata).fields.map(({ name }) => name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new WaybillError(
    "invalid_argument",
    `The table "${state.name.full}" has no column "${unknown}".`,
    { hint: `It has ${[...known].join(", ")}.` },
  );
}

function packed(group: readonly ManifestEntry[], target: number): ManifestEntry[][] {
  const bins: ManifestEntry[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const entry of group) {
    if (filled + entry.file.sizeBytes > target) {
      bins.push([]);
      filled = 0;
    }
    bins.at(-1)?.push(entry);
    filled += entry.file.sizeBytes;
  }
  return bins;
}

function pathsOf(entries: readonly ManifestEntry[]): ReadonlySet<string> {
  return new Set(entries.map(({ file }) => file.path));
}

function unchanged(state: TableState): RowChange {
  const { head: artifact, metadataUri, metadata } = state;
  return { commit: { artifact, metadataUri, metadata }, snapshot: undefined, affectedRows: 0 };
}
