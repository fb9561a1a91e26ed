import { WaybillError } from "../foundation/index.ts";

/** A table's full name, taken apart. */
export interface TableName {
  /** The levels of the namespace, outermost first. */
  readonly namespace: readonly string[];
  readonly table: string;
  /** `namespace.table`, as users write it. */
  readonly full: string;
}

/** Beside the namespaces' folders lies the one of the catalog's markers. */
const RESERVED = "_catalog";
/** A full name is a key of the metadata store, with a word before it. */
const FULL_NAME_LENGTH_MAX = 240;
/** A level of a name becomes a folder, so it has no separator and is no hidden name. */
const LEVEL = /^(?![\s.])[^\p{Cc}/\\.%?#*:|"<>]{1,120}(?<!\s)$/u;

/**
 * Takes a table's name apart: the last level is the table, those before its namespace.
 * @throws `invalid_argument` for names that cannot be a folder, or have no namespace
 */
export function parseTableName(full: string): TableName {
  const levels = full.split(".");
  const table = levels.pop() ?? "";
  if (levels.length === 0) {
    throw new WaybillError("invalid_argument", `The table name "${full}" has no namespace.`, {
      hint: `Write it as namespace.table, for example "main.${full}".`,
    });
  }
  return tableNameOf(levels, table);
}

/** The name of a table in a namespace. @throws `invalid_argument` as {@link parseTableName} */
export function tableNameOf(namespace: readonly string[], table: string): TableName {
  checkNamespace(namespace);
  checkLevel(table, "table");
  const full = [...namespace, table].join(".");
  if (full.length <= FULL_NAME_LENGTH_MAX) return { namespace, table, full };
  throw new WaybillError(
    "invalid_argument",
    `The name "${full.slice(0, 40)}..." has more than ${FULL_NAME_LENGTH_MAX} characters.`,
  );
}

/** Checks every level of a namespace. @throws `invalid_argument` */
export function checkNamespace(levels: readonly string[]): void {
  if (levels.length === 0) {
    throw new WaybillError("invalid_argument", "A namespace needs a name.");
  }
  for (const level of levels) checkLevel(level, "namespace");
}

/** The head of the metadata store that says which metadata file is current. */
export function headOf(name: TableName): string {
  return `table:${name.full}`;
}

/** How many names that are like an unknown one a message names. */
export const SUGGESTED_MAX = 3;

function checkLevel(level: string, what: "namespace" | "table"): void {
  if (LEVEL.test(level) && level.isWellFormed() && level !== RESERVED) return;
  throw new WaybillError(
    "invalid_argument",
    `The ${what} name ${JSON.stringify(level)} is not allowed.`,
    {
      hint: 'Use up to 120 letters, digits, "_", "-" and spaces; no dots, slashes or control characters.',
    },
  );
}
