import type { Step } from "../metadata/index.ts";
import {
  type BranchOption,
  checkColumns,
  commitRows,
  headOfBranch,
  matching,
  openBranch,
  pathsOf,
  type RowChange,
  unchanged,
} from "./branch.ts";
import type { TableState } from "./catalog.ts";
import type { WarehouseContext } from "./commit.ts";
import type { DataFile, ManifestEntry } from "./formats/manifest.ts";
import { currentSchema, type TableMetadata } from "./formats/table-metadata.ts";
import type { TableName } from "./names.ts";
import { partitionKey } from "./relation.ts";
import { columnSqlType } from "./types.ts";
import { writeRows } from "./write.ts";

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
