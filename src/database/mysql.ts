import { readFile } from "node:fs/promises";
import { type ErrorCode, WaybillError } from "../foundation/index.ts";
import { mysqlDialect } from "./dialect.ts";
import { type DatabaseAddress, loadPackage, parseAddress } from "./package.ts";
import type {
  Database,
  ReadTransaction,
  SqlParameter,
  SqlRow,
  SqlValue,
  WriteTransaction,
} from "./port.ts";
import { retryConflicts } from "./retry.ts";

const CONNECTION_COUNT_MAX = 10;

// Numbers of errors (mysqld_error.h).
const DEADLOCK = 1213;
const LOCK_WAIT_TIMEOUT = 1205;
const DUPLICATE_ENTRY = 1062;
const UNKNOWN_DATABASE = 1049;

const CODES: Readonly<Record<number, ErrorCode>> = {
  [DUPLICATE_ENTRY]: "already_exists",
  [DEADLOCK]: "aborted",
  [LOCK_WAIT_TIMEOUT]: "aborted",
  1020: "aborted",
  1040: "resource_exhausted",
  1044: "permission_denied",
  1045: "unauthenticated",
  [UNKNOWN_DATABASE]: "not_found",
  1114: "resource_exhausted",
  1142: "permission_denied",
  1264: "out_of_range",
  1290: "failed_precondition",
  1406: "invalid_argument",
  1792: "failed_precondition",
};

// The part of mysql2's interface that is used here; the package is loaded only when it is needed.
interface Field {
  readonly name: string;
  readonly columnType: number;
  readonly characterSet: number;
}
interface Result {
  readonly affectedRows: number;
  readonly insertId: number | string;
}
interface MysqlConnection {
  query(sql: string): Promise<unknown>;
  execute(sql: string, values: readonly unknown[]): Promise<[unknown, readonly Field[]]>;
  release(): void;
  destroy(): void;
}
interface Mysql {
  /** Makes a parameter of the protocol's 64-bit integer type. */
  readonly TypedParameter: { LONGLONG(value: bigint): unknown };
  createPool(options: object): { getConnection(): Promise<MysqlConnection>; end(): Promise<void> };
  createConnection(
    options: object,
  ): Promise<{ query(sql: string): Promise<unknown>; end(): Promise<void> }>;
}

/**
 * Opens a database of MySQL (8.0.17 and later) or MariaDB (10.5 and later), creating it where it is absent.
 * @param url `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, with the options `socket`, `ssl-ca`, `ssl-cert`,
 *   `ssl-key`, `ssl-verify=false`, `create=false`
 */
export async function openMysql(url: string): Promise<Database> {
  const address = parseAddress(url, 3306);
  // The module is mysql2's, a CommonJS one, whose exports are those of its default.
  const { default: mysql } = (await loadPackage("mysql2/promise", "MySQL")) as {
    readonly default: Mysql;
  };
  const options = await connectionOptions(address);
  if (address.options.get("create") !== "false") await createDatabase(mysql, options, address);
  const database = new MysqlDatabase(
    mysql.createPool({
      ...options,
      database: address.database,
      connectionLimit: CONNECTION_COUNT_MAX,
      supportBigNumbers: true,
      bigNumberStrings: true,
      rowsAsArray: true,
    }),
    address.location,
    mysql.TypedParameter.LONGLONG,
  );
  try {
    await database.read((tx) => tx.get("SELECT 1 AS one"));
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  return database;
}

async function connectionOptions(address: DatabaseAddress): Promise<object> {
  const { options } = address;
  const socketPath = options.get("socket");
  const read = async (name: string) => {
    const file = options.get(name);
    return file === null ? undefined : await readFile(file);
  };
  const [ca, cert, key] = [await read("ssl-ca"), await read("ssl-cert"), await read("ssl-key")];
  const usesTls = ca !== undefined || cert !== undefined || options.has("ssl-verify");
  return {
    ...(socketPath === null ? { host: address.host, port: address.port } : { socketPath }),
    user: address.user === "" ? "root" : address.user,
    password: address.password,
    charset: "utf8mb4",
    ...(usesTls
      ? { ssl: { ca, cert, key, rejectUnauthorized: options.get("ssl-verify") !== "false" } }
      : {}),
  };
}

async function createDatabase(
  mysql: Mysql,
  options: object,
  { database, location }: DatabaseAddress,
): Promise<void> {
  let connection: Awaited<ReturnType<Mysql["createConnection"]>>;
  try {
    connection = await mysql.createConnection(options);
  } catch (error) {
    throw mysqlError(error, location);
  }
  try {
    // Names and texts are compared byte for byte, as in SQLite.
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS ${mysqlDialect.quoteIdentifier(database)}
       CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    );
  } catch (error) {
    throw mysqlError(error, location);
  } finally {
    await connection.end();
  }
}

class MysqlDatabase implements Database {
  readonly dialect = mysqlDialect;
  readonly location: string;
  readonly isReadOnly = false;
  readonly #pool: ReturnType<Mysql["createPool"]>;
  readonly #toInteger: (value: bigint) => unknown;
  #isClosed = false;

  constructor(
    pool: ReturnType<Mysql["createPool"]>,
    location: string,
    toInteger: (value: bigint) => unknown,
  ) {
    this.#pool = pool;
    this.location = location;
    this.#toInteger = toInteger;
  }

  async read<T>(work: (transaction: ReadTransaction) => Promise<T>): Promise<T> {
    return this.#transact(
      [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
      ],
      work,
    );
  }

  async write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    // What a transaction has read must still hold when it writes, as it does where writers take turns.
    const begin = ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION"];
    return retryConflicts(
      () => this.#transact(begin, work),
      (error) =>
        error instanceof WaybillError && error.code === "aborted" && isConflict(error.cause),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #transact<T>(
    begin: readonly string[],
    work: (transaction: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) {
      throw new WaybillError("failed_precondition", `Database "${this.location}" is closed.`);
    }
    let connection: MysqlConnection | undefined;
    try {
      connection = await this.#pool.getConnection();
      for (const sql of begin) await connection.query(sql);
      const result = await work(new MysqlTransaction(connection, this.location, this.#toInteger));
      await connection.query("COMMIT");
      connection.release();
      return result;
    } catch (error) {
      if (connection !== undefined) await rollBack(connection);
      throw mysqlError(error, this.location);
    }
  }
}

async function rollBack(connection: MysqlConnection): Promise<void> {
  try {
    await connection.query("ROLLBACK");
    connection.release();
  } catch {
    // A connection that is lost rolls back by itself, and is of no use any more.
    connection.destroy();
  }
}

class MysqlTransaction implements WriteTransaction {
  readonly dialect = mysqlDialect;
  readonly #connection: MysqlConnection;
  readonly #location: string;
  readonly #toInteger: (value: bigint) => unknown;

  constructor(
    connection: MysqlConnection,
    location: string,
    toInteger: (value: bigint) => unknown,
  ) {
    this.#connection = connection;
    this.#location = location;
    this.#toInteger = toInteger;
  }

  async all<R extends SqlRow>(sql: string, values: readonly SqlParameter[] = []): Promise<R[]> {
    const [rows, fields] = await this.#execute(sql, values);
    // Rows are asked for as arrays; their cells are made into the values of SqlRow.
    return (rows as unknown[][]).map((row) => toRow(row, fields) as R);
  }

  async get<R extends SqlRow>(
    sql: string,
    values: readonly SqlParameter[] = [],
  ): Promise<R | undefined> {
    return (await this.all<R>(sql, values))[0];
  }

  async run(sql: string, values: readonly SqlParameter[] = []): Promise<number> {
    const [result] = await this.#execute(sql, values);
    return (result as Result).affectedRows ?? 0;
  }

  async insert(sql: string, values: readonly SqlParameter[] = []): Promise<bigint> {
    const [result] = await this.#execute(sql, values);
    return BigInt((result as Result).insertId);
  }

  async #execute(
    sql: string,
    values: readonly SqlParameter[],
  ): Promise<[unknown, readonly Field[]]> {
    try {
      return await this.#connection.execute(
        sql,
        values.map((value) => this.#bindable(value)),
      );
    } catch (error) {
      throw mysqlError(error, this.#location);
    }
  }

  #bindable(value: SqlParameter): unknown {
    if (typeof value === "bigint") return this.#toInteger(value);
    return value instanceof Uint8Array ? Buffer.from(value) : value;
  }
}

// Numbers of column types in the protocol.
const INTEGER_TYPES = new Set([1, 2, 3, 8, 9]);
const BINARY_CHARACTER_SET = 63;

function toRow(cells: readonly unknown[], fields: readonly Field[]): SqlRow {
  const row: Record<string, SqlValue> = {};
  for (const [index, field] of fields.entries()) row[field.name] = toValue(cells[index], field);
  return row;
}

function toValue(cell: unknown, field: Field): SqlValue {
  if (cell === null || cell === undefined) return null;
  if (INTEGER_TYPES.has(field.columnType)) return BigInt(String(cell));
  if (typeof cell === "number") return cell;
  if (cell instanceof Uint8Array) {
    return field.characterSet === BINARY_CHARACTER_SET ? cell : Buffer.from(cell).toString("utf8");
  }
  return String(cell);
}

function isConflict(error: unknown): boolean {
  const number = errorNumber(error);
  return number === DEADLOCK || number === LOCK_WAIT_TIMEOUT || number === 1020;
}

function errorNumber(error: unknown): number | undefined {
  return error instanceof Error && "errno" in error && typeof error.errno === "number"
    ? error.errno
    : undefined;
}

function mysqlError(caught: unknown, location: string): unknown {
  if (caught instanceof WaybillError || !(caught instanceof Error)) return caught;
  const code = CODES[errorNumber(caught) ?? 0];
  const isSql = "sqlState" in caught || "sqlMessage" in caught;
  if (code === undefined && !isSql) {
    const system = WaybillError.from(caught);
    if (system.code === "unknown") return caught;
    return new WaybillError(system.code, `Database "${location}": ${caught.message}`, {
      hint: system.hint,
      cause: caught,
    });
  }
  return new WaybillError(code ?? "internal", `Database "${location}": ${caught.message}.`, {
    hint: code === "aborted" ? "Other writers were in the way. Try again." : undefined,
    cause: caught,
  });
}
