import { readFile } from "node:fs/promises";
import { digestOf, type ErrorCode, WaybillError } from "../foundation/index.ts";
import { postgresDialect } from "./dialect.ts";
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

// SQLSTATEs (PostgreSQL, appendix A).
const UNIQUE_VIOLATION = "23505";
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK = "40P01";
const UNKNOWN_DATABASE = "3D000";
const DUPLICATE_DATABASE = "42P04";

const CODES: Readonly<Record<string, ErrorCode>> = {
  [UNIQUE_VIOLATION]: "already_exists",
  [SERIALIZATION_FAILURE]: "aborted",
  [DEADLOCK]: "aborted",
  "22003": "out_of_range",
  "22021": "invalid_argument",
  "22001": "invalid_argument",
  "25006": "failed_precondition",
  "28000": "unauthenticated",
  "28P01": "unauthenticated",
  [UNKNOWN_DATABASE]: "not_found",
  "42501": "permission_denied",
  "53100": "resource_exhausted",
  "53200": "resource_exhausted",
  "53300": "resource_exhausted",
  "57P03": "unavailable",
};

// The part of pg's interface that is used here; the package is loaded only when it is needed.
interface PgResult {
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}
interface PgClient {
  query(query: string | object): Promise<PgResult>;
  release(error?: boolean): void;
}
interface Pg {
  readonly Pool: new (
    options: object,
  ) => {
    connect(): Promise<PgClient>;
    end(): Promise<void>;
    on(event: "error", listener: (error: Error) => void): void;
  };
  readonly Client: new (
    options: object,
  ) => { connect(): Promise<void>; query(sql: string): Promise<unknown>; end(): Promise<void> };
}

/**
 * Opens a database of PostgreSQL 12 or later, creating it where it is absent.
 * @param url `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with the options `sslmode` (`disable`,
 *   `require`, `verify-full`), `sslrootcert`, `sslcert`, `sslkey`, `create=false`
 */
export async function openPostgres(url: string): Promise<Database> {
  const address = parseAddress(url, 5432);
  // The module is pg's, whose default holds all that it exports.
  const { default: pg } = (await loadPackage("pg", "PostgreSQL")) as { readonly default: Pg };
  const options = await connectionOptions(address);
  if (address.options.get("create") !== "false") await createDatabase(pg, options, address);
  const pool = new pg.Pool({ ...options, database: address.database, max: CONNECTION_COUNT_MAX });
  // An idle connection that the server ends is replaced at the next use.
  pool.on("error", () => {});
  const database = new PostgresDatabase(pool, address.location);
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
  const read = async (name: string) => {
    const file = options.get(name);
    return file === null ? undefined : await readFile(file, "utf8");
  };
  const mode = options.get("sslmode") ?? "disable";
  const ssl =
    mode === "disable"
      ? undefined
      : {
          ca: await read("sslrootcert"),
          cert: await read("sslcert"),
          key: await read("sslkey"),
          rejectUnauthorized: mode.startsWith("verify"),
        };
  return {
    host: address.host,
    port: address.port,
    user: address.user === "" ? "postgres" : address.user,
    password: address.password,
    ...(ssl === undefined ? {} : { ssl }),
  };
}

async function createDatabase(
  pg: Pg,
  options: object,
  { database, location }: DatabaseAddress,
): Promise<void> {
  const probe = new pg.Client({ ...options, database });
  try {
    await probe.connect();
    await probe.end();
    return;
  } catch (error) {
    if (sqlState(error) !== UNKNOWN_DATABASE) throw postgresError(error, location);
  }
  const client = new pg.Client({ ...options, database: "postgres" });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${postgresDialect.quoteIdentifier(database)}`);
  } catch (error) {
    // Another process was quicker.
    const isThere = [DUPLICATE_DATABASE, UNIQUE_VIOLATION].includes(sqlState(error) ?? "");
    if (!isThere) throw postgresError(error, location);
  } finally {
    await client.end();
  }
}

type Pool = InstanceType<Pg["Pool"]>;

class PostgresDatabase implements Database {
  readonly dialect = postgresDialect;
  readonly location: string;
  readonly isReadOnly = false;
  readonly #pool: Pool;
  #isClosed = false;

  constructor(pool: Pool, location: string) {
    this.#pool = pool;
    this.location = location;
  }

  async read<T>(work: (transaction: ReadTransaction) => Promise<T>): Promise<T> {
    return this.#transact("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", work);
  }

  async write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    // What a transaction has read must still hold when it writes, as it does where writers take turns.
    return retryConflicts(
      () => this.#transact("BEGIN ISOLATION LEVEL SERIALIZABLE", work),
      (error) => error instanceof WaybillError && isConflict(error.cause),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #transact<T>(
    begin: string,
    work: (transaction: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) {
      throw new WaybillError("failed_precondition", `Database "${this.location}" is closed.`);
    }
    let client: PgClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query(begin);
      const result = await work(new PostgresTransaction(client, this.location));
      await client.query("COMMIT");
      client.release();
      return result;
    } catch (error) {
      if (client !== undefined) await rollBack(client);
      throw postgresError(error, this.location);
    }
  }
}

async function rollBack(client: PgClient): Promise<void> {
  try {
    await client.query("ROLLBACK");
    client.release();
  } catch {
    // A connection that is lost rolls back by itself, and is of no use any more.
    client.release(true);
  }
}

class PostgresTransaction implements WriteTransaction {
  readonly dialect = postgresDialect;
  readonly #client: PgClient;
  readonly #location: string;

  constructor(client: PgClient, location: string) {
    this.#client = client;
    this.#location = location;
  }

  async all<R extends SqlRow>(sql: string, values: readonly SqlParameter[] = []): Promise<R[]> {
    const { rows, fields } = await this.#query(sql, values);
    return rows.map((cells) => {
      const row: Record<string, SqlValue> = {};
      for (const [index, { name, dataTypeID }] of fields.entries()) {
        row[name] = toValue(cells[index], dataTypeID);
      }
      // The statement selects the columns of R, as its caller states.
      return row as R;
    });
  }

  async get<R extends SqlRow>(
    sql: string,
    values: readonly SqlParameter[] = [],
  ): Promise<R | undefined> {
    return (await this.all<R>(sql, values))[0];
  }

  async run(sql: string, values: readonly SqlParameter[] = []): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0;
  }

  async insert(sql: string, values: readonly SqlParameter[] = []): Promise<bigint> {
    const { rows } = await this.#query(`${sql} RETURNING id`, values);
    return BigInt(String(rows[0]?.[0]));
  }

  async #query(sql: string, values: readonly SqlParameter[]): Promise<PgResult> {
    try {
      return await this.#client.query({
        // A name makes it a prepared statement, which each connection keeps.
        name: digestOf("md5", sql),
        text: numbered(sql),
        values: values.map(bindable),
        rowMode: "array",
        types: AS_TEXT,
      });
    } catch (error) {
      throw postgresError(error, this.#location);
    }
  }
}

/** Cells come as the text that the server sends; this driver makes its own values of them. */
const AS_TEXT = { getTypeParser: () => (text: unknown) => text };

// Object ids of types (pg_type).
const BOOLEAN = 16;
const BYTES = 17;
const INTEGERS = new Set([20, 21, 23, 26]);
const FLOATS = new Set([700, 701, 1700]);

function toValue(cell: unknown, type: number): SqlValue {
  if (cell === null || cell === undefined) return null;
  const text = String(cell);
  if (INTEGERS.has(type)) return BigInt(text);
  if (FLOATS.has(type)) return Number(text);
  if (type === BOOLEAN) return text === "t" ? 1n : 0n;
  if (type === BYTES) return new Uint8Array(Buffer.from(text.slice(2), "hex"));
  return text;
}

function bindable(value: SqlParameter): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** `?` as `$1`, `$2`, ...; our statements have none in literals, since values are never pasted. */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => {
    count += 1;
    return `$${count}`;
  });
}

function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === SERIALIZATION_FAILURE || state === DEADLOCK;
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

function postgresError(caught: unknown, location: string): unknown {
  if (caught instanceof WaybillError || !(caught instanceof Error)) return caught;
  const state = sqlState(caught) ?? "";
  const isSql = /^[0-9A-Z]{5}$/.test(state);
  if (!isSql) {
    const system = WaybillError.from(caught);
    if (system.code === "unknown") return caught;
    return new WaybillError(system.code, `Database "${location}": ${caught.message}`, {
      hint: system.hint,
      cause: caught,
    });
  }
  const code = CODES[state] ?? "internal";
  return new WaybillError(code, `Database "${location}": ${caught.message}.`, {
    hint: code === "aborted" ? "Other writers were in the way. Try again." : undefined,
    cause: caught,
  });
}
