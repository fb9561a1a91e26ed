export { placeholders, type SqlDialect, sqliteDialect } from "./dialect.ts";
export type {
  Database,
  ReadTransaction,
  SqlParameter,
  SqlRow,
  SqlValue,
  WriteTransaction,
} from "./port.ts";
export {
  backupSqlite,
  openSqlite,
  openSqliteInMemory,
  type SqliteMode,
  type SqliteOptions,
} from "./sqlite.ts";
