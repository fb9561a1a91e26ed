import {
  Artifact_State,
  Event_Type,
  Execution_State,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { SqlParameter } from "../../database/index.ts";
import type { KindTables } from "../rdbms/kinds.ts";

/** ZetaSQL's types, as far as filters have them. NULL is the type of the literal alone. */
export type FilterType = "INT64" | "DOUBLE" | "STRING" | "BOOL" | "NULL";

/** A column that a filter may name. */
export interface Column {
  /** Its SQL, on the table that the source names. */
  readonly sql: string;
  readonly type: FilterType;
  /** For columns compared with words: the numbers behind them. */
  readonly words?: Readonly<Record<string, number>>;
}

/**
 * A neighbour of the node, joined once for each alias: a filter with it matches a node when there is a
 * neighbour for which it holds.
 */
export interface Source {
  /** What stands in FROM; the tables are named after the alias given. */
  readonly from: string;
  /** The node's id as the source has it. */
  readonly nodeId: string;
  /** A condition that selects the neighbours, or undefined for all of them. */
  readonly where: string | undefined;
  readonly values: readonly SqlParameter[];
  readonly columns: ReadonlyMap<string, Column>;
}

/** The columns of a node itself, by lower-case name; its table is `n` and its type's `t`. */
export function nodeColumns(kind: KindTables): ReadonlyMap<string, Column> {
  return columnsOf(kind.word, "n", "t");
}

/** The neighbour that an alias such as `contexts_a` stands for, or undefined. */
export function neighbour(kind: KindTables, alias: string, table: string): Source | undefined {
  const prefix = /^(contexts|events|parent_contexts|child_contexts|artifacts|executions)_\w+$/i
    .exec(alias)?.[1]
    ?.toLowerCase();
  const isContext = kind.word === "context";
  switch (prefix) {
    case "contexts":
      if (isContext) return undefined;
      return linked({
        link: kind.word === "artifact" ? "Attribution" : "Association",
        nodeColumn: kind.idColumn,
        farColumn: "context_id",
        farTable: "Context",
        table,
        // ML Metadata has these and no others for a neighbouring context.
        columns: without(columnsOf("context", table, `${table}t`), "external_id", "type_id"),
      });
    case "events":
      return isContext ? undefined : events(kind, table);
    case "parent_contexts":
    case "child_contexts": {
      if (!isContext) return undefined;
      const isParent = prefix === "parent_contexts";
      return linked({
        link: "ParentContext",
        nodeColumn: isParent ? "context_id" : "parent_context_id",
        farColumn: isParent ? "parent_context_id" : "context_id",
        farTable: "Context",
        table,
        columns: columnsOf("context", table, `${table}t`),
      });
    }
    case "artifacts":
    case "executions": {
      if (!isContext) return undefined;
      const word = prefix === "artifacts" ? "artifact" : "execution";
      return linked({
        link: word === "artifact" ? "Attribution" : "Association",
        nodeColumn: "context_id",
        farColumn: `${word}_id`,
        farTable: word === "artifact" ? "Artifact" : "Execution",
        table,
        columns: columnsOf(word, table, `${table}t`),
      });
    }
    default:
      return undefined;
  }
}

/** A property of the node by its name, of the type's own or a custom one. */
export function property(kind: KindTables, name: string, isCustom: boolean, table: string): Source {
  return {
    from: `${kind.propertyTable} ${table}`,
    nodeId: `${table}.${kind.idColumn}`,
    where: `${table}.name = ? AND ${table}.is_custom_property = ?`,
    values: [name, isCustom],
    columns: new Map([
      ["int_value", { sql: `${table}.int_value`, type: "INT64" }],
      ["double_value", { sql: `${table}.double_value`, type: "DOUBLE" }],
      ["string_value", { sql: `${table}.string_value`, type: "STRING" }],
      ["bool_value", { sql: `${table}.bool_value`, type: "BOOL" }],
    ]),
  };
}

function columnsOf(
  word: KindTables["word"],
  table: string,
  typeTable: string,
): ReadonlyMap<string, Column> {
  const columns = new Map<string, Column>([
    ["id", { sql: `${table}.id`, type: "INT64" }],
    ["type_id", { sql: `${table}.type_id`, type: "INT64" }],
    ["name", { sql: `${table}.name`, type: "STRING" }],
    ["type", { sql: `${typeTable}.name`, type: "STRING" }],
    ["external_id", { sql: `${table}.external_id`, type: "STRING" }],
    ["create_time_since_epoch", { sql: `${table}.create_time_since_epoch`, type: "INT64" }],
    [
      "last_update_time_since_epoch",
      { sql: `${table}.last_update_time_since_epoch`, type: "INT64" },
    ],
  ]);
  if (word === "artifact") {
    columns.set("uri", { sql: `${table}.uri`, type: "STRING" });
    columns.set("state", { sql: `${table}.state`, type: "INT64", words: Artifact_State });
  } else if (word === "execution") {
    columns.set("last_known_state", {
      sql: `${table}.last_known_state`,
      type: "INT64",
      words: Execution_State,
    });
  }
  return columns;
}

interface Link {
  readonly link: "Attribution" | "Association" | "ParentContext";
  readonly nodeColumn: string;
  readonly farColumn: string;
  readonly farTable: string;
  readonly table: string;
  readonly columns: ReadonlyMap<string, Column>;
}

function linked({ link, nodeColumn, farColumn, farTable, table, columns }: Link): Source {
  return {
    from: `${link} ${table}l JOIN ${farTable} ${table} ON ${table}.id = ${table}l.${farColumn} JOIN Type ${table}t ON ${table}t.id = ${table}.type_id`,
    nodeId: `${table}l.${nodeColumn}`,
    where: undefined,
    values: [],
    columns,
  };
}

function events(kind: KindTables, table: string): Source {
  const far = kind.word === "artifact" ? "execution_id" : "artifact_id";
  return {
    from: `Event ${table}`,
    nodeId: `${table}.${kind.idColumn}`,
    where: undefined,
    values: [],
    columns: new Map<string, Column>([
      [far, { sql: `${table}.${far}`, type: "INT64" }],
      ["type", { sql: `${table}.type`, type: "INT64", words: Event_Type }],
      ["milliseconds_since_epoch", { sql: `${table}.milliseconds_since_epoch`, type: "INT64" }],
    ]),
  };
}

function without(
  columns: ReadonlyMap<string, Column>,
  ...names: readonly string[]
): ReadonlyMap<string, Column> {
  return new Map([...columns].filter(([name]) => !names.includes(name)));
}
