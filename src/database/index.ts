export { placeholders, type SqlDialect, sqliteDialect } from "./dialect.ts";
export { openMysql } from "./mysql.ts";
export type {
  Database,
  ReadTransaction,
  SqlParameter,
  SqlRow,
  SqlValue,
  WriteTransaction,
} from "./port.ts";
export { openPostgres } from "./postgres.ts";
export {
  backupSqlite,
  openSqlite,
  openSqliteInMemory,
  type SqliteMode,
  type SqliteOptions,
} from "./sqlite.ts";
