import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Column, Engine } from "../engine/index.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Source } from "./definitions.ts";
import { type Registry, sourceOf } from "./registry.ts";
import type { PlannedView } from "./retrieval-plan.ts";
import { suggestion } from "./suggest.ts";
import { castTo, isReadableAs, isTimeColumn, type ValueType } from "./value-type.ts";

/** A source as the engine reads it. */
interface ResolvedSource {
  /** A table name, a table function or a query in brackets: what stands after FROM. */
  readonly relation: string;
  /** What is read, to be recorded as inputs. */
  readonly inputs: readonly Artifact[];
}

/** Opens sources. The caller knows where Parquet files and warehouse tables lie. */
export type SourceResolver = (source: Source) => Promise<ResolvedSource>;

/** The rows of a view's source, each column as an SQL expression over `relation`. */
export interface ViewRows {
  readonly relation: string;
  /** Join keys in the order of the plan, as their declared types; a constant for a view without entities. */
  readonly keys: readonly string[];
  /** Event time in microseconds. */
  readonly eventUs: string;
  /** The event time as it is stored, for ranges that files can skip by. */
  readonly eventTime: string;
  /** Whether it has a zone. */
  readonly isZoned: boolean;
  /** Created time in microseconds, NULL where there is none; undefined without such a column. */
  readonly createdUs: string | undefined;
  /** Features in the order of the plan, as their declared types. */
  readonly features: readonly string[];
  /** 0 when values never grow too old. */
  readonly ttlUs: bigint;
  readonly inputs: readonly Artifact[];
}

/**
 * Opens the source of a view and checks that its columns are there and have types that can be read as
 * declared.
 * @throws `failed_precondition` naming the view, the source and the column
 */
export async function openViewRows(
  engine: Pick<Engine, "dialect" | "columns">,
  registry: Registry,
  resolve: SourceResolver,
  planned: PlannedView,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ViewRows> {
  const { dialect } = engine;
  const source = sourceOf(registry, planned.view);
  const { relation, inputs } = await resolve(source);
  const columns = await engine.columns(relation, options);
  const find = columnFinder(source, columns, `feature view "${planned.view.name}"`);
  const quote = (column: Column) => dialect.quoteIdentifier(column.name);
  const typed = (name: string, type: ValueType) => castTo(dialect, quote(find(name, type)), type);
  const event = find(source.timestampField, "UNIX_TIMESTAMP");
  const created =
    source.createdTimestampColumn === undefined
      ? undefined
      : find(source.createdTimestampColumn, "UNIX_TIMESTAMP");
  return {
    relation,
    keys:
      planned.joinKeys.length === 0
        ? ["0"]
        : planned.joinKeys.map((key) => typed(key.name, key.type)),
    eventUs: dialect.epochUs(quote(event)),
    eventTime: quote(event),
    isZoned: /WITH TIME ZONE|^TIMESTAMPTZ/i.test(event.type),
    createdUs: created === undefined ? undefined : dialect.epochUs(quote(created)),
    features: planned.features.map(({ field }) => typed(field.name, field.dtype)),
    ttlUs: BigInt(Math.round(planned.view.ttlSeconds * 1e6)),
    inputs,
  };
}

/** Finds the column of a source that a view knows by a name, and checks its type. */
function columnFinder(source: Source, columns: readonly Column[], wanted: string) {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const original = new Map(
    Object.entries(source.fieldMapping).map(([column, name]) => [name, column]),
  );
  return (name: string, type: ValueType): Column => {
    const column = byName.get(original.get(name) ?? name);
    if (column === undefined) {
      const renamed = original.get(name);
      throw new WaybillError(
        "failed_precondition",
        `Source "${source.name}" has no column "${renamed ?? name}", which ${wanted} needs.`,
        { hint: suggestion(renamed ?? name, byName.keys()) },
      );
    }
    if (!isReadableAs(column.type, type)) {
      const isTime = name === source.timestampField || name === source.createdTimestampColumn;
      throw new WaybillError(
        "failed_precondition",
        `Column "${column.name}" of source "${source.name}" is ${column.type}; ${wanted} needs ` +
          `${isTime ? "a time" : type}.`,
        {
          hint: isTime
            ? "Name a column of dates or timestamps, or convert this one where the data is made."
            : "Change the type in the definition, or convert the column where the data is made.",
        },
      );
    }
    return column;
  };
}

/** The columns that hold times. */
export function timeColumnsOf(columns: readonly Column[]): string[] {
  return columns.filter(({ type }) => isTimeColumn(type)).map(({ name }) => name);
}
