import { nearest, WaybillError } from "../foundation/index.ts";
import { currentSchema, type TableMetadata } from "./formats/table-metadata.ts";
import {
  greatestFieldId,
  parseTableSchema,
  type TableField,
  type TableSchema,
} from "./formats/table-schema.ts";
import type { TableUpdate } from "./table-update.ts";
import { parseTransform, transformType } from "./transforms.ts";
import { columnType, isPromotion } from "./types.ts";
import { applyUpdates } from "./updates.ts";

/** A column that is to be made. */
export interface ColumnDefinition {
  readonly name: string;
  /** boolean, int, long, float, double, decimal(p,s), string, date, timestamp, timestamptz, binary. */
  readonly type: string;
  readonly required?: boolean;
  readonly doc?: string;
}

/** A value that all rows of a file share. */
export interface PartitionDefinition {
  readonly column: string;
  /** identity (the default), bucket[N], truncate[N], year, month, day, hour. */
  readonly transform?: string;
  /** For example `day_day`; made of the column and the transform when left out. */
  readonly name?: string;
}

/** A key that rows are sorted by within files. */
export interface SortDefinition {
  readonly column: string;
  readonly transform?: string;
  readonly direction?: "asc" | "desc";
  readonly nulls?: "first" | "last";
}

/** A change of a table that touches no rows: files are read by field id, whatever the names. */
export type Alteration =
  | ({ readonly kind: "add-column"; readonly after?: string } & ColumnDefinition)
  | { readonly kind: "drop-column"; readonly name: string }
  | { readonly kind: "rename-column"; readonly name: string; readonly to: string }
  /** int to long, float to double, decimal to more digits. */
  | { readonly kind: "widen-column"; readonly name: string; readonly type: string }
  | { readonly kind: "make-optional"; readonly name: string }
  | { readonly kind: "describe-column"; readonly name: string; readonly doc: string }
  | { readonly kind: "set-properties"; readonly properties: Readonly<Record<string, string>> }
  | { readonly kind: "remove-properties"; readonly names: readonly string[] }
  /** Files that are there keep their partitions; new ones get these. */
  | { readonly kind: "partition-by"; readonly fields: readonly PartitionDefinition[] }
  | { readonly kind: "sort-by"; readonly fields: readonly SortDefinition[] };

/** The schema of new columns, with field ids from 1. @throws `invalid_argument` */
export function schemaOf(table: string, columns: readonly ColumnDefinition[]): TableSchema {
  if (columns.length === 0) {
    throw new WaybillError("invalid_argument", `The table "${table}" has no columns.`);
  }
  const fields = columns.map((column, index) => ({ id: index + 1, required: false, ...column }));
  const schema = { type: "struct", "schema-id": 0, fields };
  return checked(table, schema);
}

/**
 * The metadata of a table after some alterations, in their order.
 * @throws `invalid_argument` for what would make old rows unreadable, or names what is not there
 */
export function alterTable(
  table: string,
  metadata: TableMetadata,
  alterations: readonly Alteration[],
  nowMs: number,
): TableMetadata {
  return alterations.reduce(
    (before, alteration) => applyUpdates(before, updatesOf(table, before, alteration), nowMs),
    metadata,
  );
}

function updatesOf(
  table: string,
  metadata: TableMetadata,
  alteration: Alteration,
): readonly TableUpdate[] {
  switch (alteration.kind) {
    case "set-properties":
      return [{ action: "set-properties", updates: alteration.properties }];
    case "remove-properties":
      return [{ action: "remove-properties", removals: alteration.names }];
    case "partition-by":
      return [
        {
          action: "add-spec",
          spec: { fields: partitionFields(table, metadata, alteration.fields) },
        },
        { action: "set-default-spec", "spec-id": -1 },
      ];
    case "sort-by":
      return [
        { action: "add-sort-order", "sort-order": sortOrder(table, metadata, alteration.fields) },
        { action: "set-default-sort-order", "sort-order-id": -1 },
      ];
    default: {
      const schema = currentSchema(metadata);
      const fields = alteredFields(table, metadata, schema, alteration);
      return [
        { action: "add-schema", schema: checked(table, { ...schema, fields }) },
        { action: "set-current-schema", "schema-id": -1 },
      ];
    }
  }
}

type SchemaAlteration = Extract<
  Alteration,
  {
    readonly kind:
      | "add-column"
      | "drop-column"
      | "rename-column"
      | "widen-column"
      | "make-optional"
      | "describe-column";
  }
>;

function alteredFields(
  table: string,
  metadata: TableMetadata,
  schema: TableSchema,
  alteration: SchemaAlteration,
): readonly TableField[] {
  const { fields } = schema;
  if (alteration.kind === "add-column") {
    const { kind: _kind, after, ...column } = alteration;
    if (column.required === true) {
      throw new WaybillError(
        "invalid_argument",
        `The column "${column.name}" cannot be required: the rows that are there have none.`,
      );
    }
    // Never an id that was used before, or a dropped column's values would come back under the name.
    const id = Math.max(metadata["last-column-id"], greatestFieldId(schema)) + 1;
    const field: TableField = { id, required: false, ...column };
    const at =
      after === undefined ? fields.length : fields.indexOf(fieldOf(table, schema, after)) + 1;
    return fields.toSpliced(at, 0, field);
  }
  const field = fieldOf(table, schema, alteration.name);
  const replace = (change: Partial<TableField>) =>
    fields.map((other) => (other === field ? { ...field, ...change } : other));
  switch (alteration.kind) {
    case "drop-column":
      return dropped(table, metadata, schema, field);
    case "rename-column":
      return replace({ name: alteration.to });
    case "make-optional":
      return replace({ required: false });
    case "describe-column":
      return replace({ doc: alteration.doc });
    case "widen-column": {
      const [widened] = checked(table, {
        ...schema,
        fields: [{ ...field, type: alteration.type }],
      }).fields;
      const from = columnType(field.type, field.name);
      const to = columnType(widened?.type ?? alteration.type, field.name);
      if (isPromotion(from, to)) return replace({ type: widened?.type ?? alteration.type });
      throw new WaybillError(
        "invalid_argument",
        `The column "${field.name}" cannot be made ${alteration.type}: it is ${field.type}.`,
        { hint: "int may become long, float double, and a decimal may get more digits." },
      );
    }
    default:
      return alteration satisfies never;
  }
}

function dropped(
  table: string,
  metadata: TableMetadata,
  schema: TableSchema,
  field: TableField,
): readonly TableField[] {
  const uses = (fields: readonly { readonly "source-id": number }[] | undefined) =>
    fields?.some((other) => other["source-id"] === field.id) ?? false;
  const spec = metadata["partition-specs"].find(
    (s) => s["spec-id"] === metadata["default-spec-id"],
  );
  const order = metadata["sort-orders"].find(
    (o) => o["order-id"] === metadata["default-sort-order-id"],
  );
  const why = uses(spec?.fields)
    ? "partitioned by it"
    : uses(order?.fields)
      ? "sorted by it"
      : schema["identifier-field-ids"]?.includes(field.id)
        ? "identified by it"
        : schema.fields.length === 1
          ? "left without columns"
          : undefined;
  if (why === undefined) return schema.fields.filter((other) => other !== field);
  throw new WaybillError(
    "invalid_argument",
    `The column "${field.name}" cannot be dropped: the table "${table}" would be ${why}.`,
  );
}

function partitionFields(
  table: string,
  metadata: TableMetadata,
  definitions: readonly PartitionDefinition[],
) {
  const schema = currentSchema(metadata);
  return definitions.map(({ column, transform = "identity", name }) => {
    const field = fieldOf(table, schema, column);
    const parsed = parseTransform(transform);
    transformType(parsed, columnType(field.type, field.name));
    const suffix = parsed.kind === "truncate" ? "trunc" : parsed.kind;
    const made = parsed.kind === "identity" ? column : `${column}_${suffix}`;
    return { "source-id": field.id, name: name ?? made, transform };
  });
}

function sortOrder(table: string, metadata: TableMetadata, definitions: readonly SortDefinition[]) {
  const schema = currentSchema(metadata);
  const fields = definitions.map(({ column, transform = "identity", direction = "asc", nulls }) => {
    const field = fieldOf(table, schema, column);
    transformType(parseTransform(transform), columnType(field.type, field.name));
    const first = nulls === undefined ? direction === "asc" : nulls === "first";
    return {
      transform,
      "source-id": field.id,
      direction,
      "null-order": first ? ("nulls-first" as const) : ("nulls-last" as const),
    };
  });
  return { "order-id": 0, fields };
}

function fieldOf(table: string, schema: TableSchema, name: string): TableField {
  const field = schema.fields.find((field) => field.name === name);
  if (field !== undefined) return field;
  const [near] = nearest(
    name,
    schema.fields.map(({ name }) => name),
  );
  throw new WaybillError("invalid_argument", `The table "${table}" has no column "${name}".`, {
    hint: near === undefined ? undefined : `Did you mean "${near}"?`,
  });
}

/** A schema that is one, with types that we write; a bad name or type is the caller's. */
function checked(table: string, schema: object): TableSchema {
  // Built of texts, numbers and lists: it is JSON.
  const json = schema as Parameters<typeof parseTableSchema>[0];
  return parseTableSchema(json, `The table "${table}"`, "invalid_argument");
}
