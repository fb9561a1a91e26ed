import type { Engine, FieldIdColumn } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { TableFiles } from "./files.ts";
import type { ManifestEntry } from "./formats/manifest.ts";
import type { TableMetadata } from "./formats/table-metadata.ts";
import type { TableField, TableSchema } from "./formats/table-schema.ts";
import { checkNestedNames, columnSqlType } from "./types.ts";
import { fieldIds } from "./write.ts";

/** The column that says which file a row lies in, where it is asked for. */
export const FILE_COLUMN = "_waybill_file";

/** Field ids that position delete files have, whatever the table. Source: "Reserved Field IDs". */
const DELETED_PATH_ID = 2147483546;
const DELETED_POSITION_ID = 2147483545;

/**
 * A table expression that gives the rows of some of a table's files, without those that the delete
 * files among the entries say are gone.
 * @param options.withFile adds {@link FILE_COLUMN}, the file's local path
 * @throws `unimplemented` for files that are not Parquet, such as deletion vectors of version 3
 * Source: Apache Iceberg specification, "Row-level Deletes" and "Scan Planning".
 */
export function relationOf(
  engine: Engine,
  files: TableFiles,
  table: { readonly metadata: TableMetadata; readonly schema: TableSchema },
  entries: readonly ManifestEntry[],
  options: { readonly withFile?: boolean } = {},
): string {
  const { dialect } = engine;
  const { withFile = false } = options;
  checkNestedNames(table.metadata, table.schema);
  const columns = fieldIds(dialect, table.schema);
  for (const { file } of entries) if (file.format !== "PARQUET") throw unreadable(file.format);
  const data = entries.filter(({ file }) => file.content === "data");
  const paths = (some: readonly ManifestEntry[]) =>
    some.map(({ file }) => files.localPath(file.path));
  if (data.length === 0) return emptyRelation(engine, columns, withFile);

  const deletes = entries.filter(({ file }) => file.content !== "data");
  if (deletes.length === 0 && !withFile) return dialect.parquetByFieldId(paths(data), columns);

  // Columns are named by id inside, so that no name of the table meets one of ours.
  const inner = (column: FieldIdColumn) => ({ ...column, name: `c${column.id}` });
  const outer = columns.map(({ id, name }) => `d.c${id} AS ${dialect.quoteIdentifier(name)}`);
  if (withFile) outer.push(`d.filename AS ${FILE_COLUMN}`);
  const groups = Map.groupBy(data, (entry) => {
    const applying = deletes.filter((candidate) => applies(candidate, entry));
    return applying.map(({ file }) => file.path).join("\n");
  });
  const parts = [...groups.values()].map((group) => {
    const [first] = group;
    if (first === undefined) return "";
    const applying = deletes.filter((candidate) => applies(candidate, first));
    const compared = new Map(columns.map((column) => [column.id, column]));
    const joins: string[] = [];
    const positions = applying.filter(({ file }) => file.content === "position-deletes");
    if (positions.length > 0) joins.push(positionJoin(engine, paths(positions)));
    const equality = Map.groupBy(
      applying.filter(({ file }) => file.content === "equality-deletes"),
      ({ file }) => (file.equalityIds ?? []).join(),
    );
    for (const some of equality.values()) {
      const fields = equalityFields(table.metadata, some[0]?.file.equalityIds ?? []);
      const keys = fields.map(({ id, name, type }) => ({
        id,
        name: `c${id}`,
        type: columnSqlType(dialect, type, name),
      }));
      for (const key of keys) compared.set(key.id, key);
      const conditions = keys.map(({ name }) => `d.${name} IS NOT DISTINCT FROM e.${name}`);
      joins.push(
        `ANTI JOIN ${dialect.parquetByFieldId(paths(some), keys)} AS e ON ${conditions.join(" AND ")}`,
      );
    }
    const source = dialect.parquetByFieldId(paths(group), [...compared.values()].map(inner), {
      withPosition: true,
    });
    return [`SELECT ${outer.join(", ")} FROM ${source} AS d`, ...joins].join(" ");
  });
  return `(${parts.join(" UNION ALL ")})`;
}

/** The property by which a table says that it has files whose columns are known by name only. */
const NAME_MAPPING = "schema.name-mapping.default";

/**
 * Refuses files that have no field ids, such as those that were added to a table as they were: read by
 * field id, every column of them would silently be NULL.
 * @throws `unimplemented` naming one of the files
 */
export async function checkFieldIds(
  engine: Engine,
  files: TableFiles,
  metadata: TableMetadata,
  entries: readonly ManifestEntry[],
): Promise<void> {
  const paths = entries
    .filter(({ file }) => file.content === "data" && file.format === "PARQUET")
    .map(({ file }) => files.localPath(file.path));
  // Only a table that says so may have such files.
  if (metadata.properties[NAME_MAPPING] === undefined || paths.length === 0) return;
  const [nameless] = await engine.rows(engine.dialect.parquetWithoutFieldIds(paths));
  if (nameless === undefined) return;
  throw new WaybillError(
    "unimplemented",
    `The file ${nameless["path"]} has no field ids: its columns are known by name only.`,
    { hint: "Rewrite it with the engine that added it to the table, then read the table here." },
  );
}

/** Whether a delete file is about a data file: it is not older, and of the same partition. */
function applies(deleting: ManifestEntry, data: ManifestEntry): boolean {
  if (deleting.file.content === "position-deletes") {
    const about = deleting.file.referencedDataFile;
    return (
      deleting.sequenceNumber >= data.sequenceNumber && (about ?? data.file.path) === data.file.path
    );
  }
  // Those without a partition are about all; a partition is compared by its values.
  const isGlobal = deleting.file.partition.size === 0;
  return (
    deleting.sequenceNumber > data.sequenceNumber &&
    (isGlobal || partitionKey(deleting) === partitionKey(data))
  );
}

/** The partition of a file as text, equal for equal partitions of one spec. */
export function partitionKey({ file }: Pick<ManifestEntry, "file">): string {
  return [...file.partition]
    .toSorted(([a], [b]) => a - b)
    .map(([id, value]) => {
      const text = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
      return `${id}=${typeof value}:${text}`;
    })
    .join("\n");
}

function positionJoin(engine: Engine, paths: readonly string[]): string {
  const { dialect } = engine;
  const deleted = dialect.parquetByFieldId(paths, [
    { id: DELETED_PATH_ID, name: "path", type: dialect.typeName("string") },
    { id: DELETED_POSITION_ID, name: "pos", type: dialect.typeName("long") },
  ]);
  // Writers spell a local path as file:/a, file:///a or /a.
  const plain = `SELECT regexp_replace(path, '^file:/+', '/') AS path, pos FROM ${deleted}`;
  return `ANTI JOIN (${plain}) AS p ON d.filename = p.path AND d.file_row_number = p.pos`;
}

/** The columns that equality deletes compare; one may be gone from the schema of today. */
function equalityFields(metadata: TableMetadata, ids: readonly number[]): readonly TableField[] {
  const newest = metadata.schemas.toReversed();
  return ids.map((id) => {
    for (const schema of newest) {
      const field = schema.fields.find((field) => field.id === id);
      if (field !== undefined) return field;
    }
    throw new WaybillError(
      "data_loss",
      `A delete file of the table at ${metadata.location} compares the unknown column ${id}.`,
    );
  });
}

function emptyRelation(
  engine: Engine,
  columns: readonly FieldIdColumn[],
  withFile: boolean,
): string {
  const { dialect } = engine;
  const nulls = columns.map(
    ({ name, type }) => `CAST(NULL AS ${type}) AS ${dialect.quoteIdentifier(name)}`,
  );
  if (withFile) nulls.push(`CAST(NULL AS ${dialect.typeName("string")}) AS ${FILE_COLUMN}`);
  return `(SELECT ${nulls.join(", ")} WHERE 1 = 0)`;
}

function unreadable(format: string): WaybillError {
  const what = format === "PUFFIN" ? "deletion vectors of format version 3" : `${format} files`;
  return new WaybillError("unimplemented", `The table has ${what}, which Waybill cannot read.`, {
    hint: "Rewrite the table's files as Parquet with the engine that wrote them.",
  });
}
