import type { Engine } from "../engine/index.ts";
import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { dimensionChanges, VALID_FROM, VALID_TO, validAt } from "./dimension.ts";
import { parseTableName } from "./names.ts";
import type { AsOf } from "./scan.ts";
import type { TableChange, TableView } from "./views.ts";
import type { Warehouse } from "./warehouse.ts";

/** What a table is in its subject, and what is promised of it. */
export interface TableDescription {
  readonly role: "fact" | "dimension";
  /** What one row stands for, for example "one flight". */
  readonly grain: string;
  readonly owner?: string;
  readonly description?: string;
  /** The table is stale when its rows are older than this. */
  readonly freshForHours?: number;
  /** Columns that tell rows apart; of a dimension, those that facts refer to. */
  readonly key?: readonly string[];
  /** By column, the dimension that it refers to. */
  readonly references?: Readonly<Record<string, string>>;
  /** Conditions that must hold for each row, by name, as SQL over the columns. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** A table of a subject, with how it stands. */
export interface SubjectTable extends TableDescription {
  readonly table: string;
  readonly rowCount: number;
  /** When rows last came or changed; undefined for a table without any. */
  readonly updated: Date | undefined;
  readonly isFresh: boolean;
}

/** A subject: a namespace with its described tables. */
export interface Subject {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly tables: readonly SubjectTable[];
}

/** Rows for which a check does not hold. */
export interface CheckResult {
  readonly check: string;
  readonly condition: string;
  readonly violations: number;
}

/** Which state is read: what was known at a time (`asOf`), and what was true at a time (`validAt`). */
export interface BothTimes {
  readonly asOf?: AsOf;
  readonly validAt?: Date;
}

/**
 * A warehouse by subject: facts and dimensions with grain, owner, freshness and checks, star joins
 * between them, and dimensions that keep what was true when.
 */
export interface Subjects {
  /** Describes a table; what was said before is replaced. */
  describe(step: Step, table: string, description: TableDescription): Promise<TableChange>;

  /** The subjects that have described tables, sorted. */
  list(): Promise<readonly Subject[]>;

  /** Runs the checks of a table. What fails is an answer, not an error. */
  check(table: string): Promise<readonly CheckResult[]>;

  /**
   * Brings the present state of a dimension (type 2): rows that changed are closed at `at` and followed
   * by new ones, so that every earlier state can be asked for. The table is made when there is none.
   * @param options.closeMissing closes those that the relation no longer has
   * @throws `invalid_argument` when a changed row began at `at` or later, or a key is there twice
   */
  track(
    step: Step,
    table: string,
    options: {
      readonly relation: string;
      readonly on: readonly string[];
      readonly at: Date;
      readonly closeMissing?: boolean;
    },
  ): Promise<TableChange>;

  /** A table as it was known and as it was true at two times that need not be the same. */
  read(table: string, times?: BothTimes): Promise<TableView>;

  /**
   * A fact joined with its dimensions: a table expression with the fact's columns and, as
   * `<column>_<dimension's column>`, those of the dimension that each reference leads to.
   * @param options.timeColumn the fact's time, at which dimensions with a history are read; those as of
   *   now without it
   */
  star(fact: string, options?: { readonly timeColumn?: string }): Promise<string>;
}

const PREFIX = "waybill.";

/** Opens the subjects of a warehouse. */
export function openSubjects(options: {
  readonly warehouse: Warehouse;
  readonly engine: Engine;
  readonly clock?: Clock;
}): Subjects {
  const { warehouse, engine, clock = systemClock } = options;
  const quote = engine.dialect.quoteIdentifier;

  async function described(table: string): Promise<TableDescription> {
    const { properties } = await warehouse.table(table);
    const description = descriptionIn(properties);
    if (description !== undefined) return description;
    throw new WaybillError("failed_precondition", `The table "${table}" is not described.`, {
      hint: "Say first whether it is a fact or a dimension, and what a row of it stands for.",
    });
  }

  return {
    async describe(step, table, description) {
      const { properties, schema } = await warehouse.table(table);
      const known = new Set(schema.fields.map(({ name }) => name));
      const named = [...(description.key ?? []), ...Object.keys(description.references ?? {})];
      const unknown = named.find((column) => !known.has(column));
      if (unknown !== undefined) {
        throw new WaybillError(
          "invalid_argument",
          `The table "${table}" has no column "${unknown}".`,
        );
      }
      const before = Object.keys(properties).filter((key) => key.startsWith(PREFIX));
      return warehouse.alter(step, table, [
        { kind: "remove-properties", names: before },
        { kind: "set-properties", properties: propertiesOf(description) },
      ]);
    },

    async list() {
      const subjects = new Map<string, SubjectTable[]>();
      for (const table of await warehouse.tables()) {
        const view = await warehouse.table(table);
        const description = descriptionIn(view.properties);
        if (description === undefined) continue;
        const name = parseTableName(table).namespace.join(".");
        const updated = view.snapshot?.time;
        const { freshForHours } = description;
        const ageMs =
          updated === undefined ? Number.POSITIVE_INFINITY : clock.nowMs() - updated.getTime();
        const isFresh = freshForHours === undefined || ageMs <= freshForHours * 3_600_000;
        const tables = subjects.get(name) ?? [];
        tables.push({ ...description, table, rowCount: view.rowCount, updated, isFresh });
        subjects.set(name, tables);
      }
      const listed: Subject[] = [];
      for (const [name, tables] of [...subjects].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const properties = await warehouse.catalog.namespace(name.split("."));
        listed.push({ name, properties, tables });
      }
      return listed;
    },

    async check(table) {
      const { checks = {} } = await described(table);
      const names = Object.keys(checks);
      if (names.length === 0) return [];
      const { relation } = await warehouse.table(table);
      const counts = names.map(
        (name, index) =>
          `${engine.dialect.countIf(`NOT coalesce((${checks[name]}), FALSE)`)} AS v${index}`,
      );
      const [row] = await engine.rows(`SELECT ${counts.join(", ")} FROM ${relation}`);
      return names.map((check, index) => ({
        check,
        condition: checks[check] ?? "",
        violations: Number(row?.[`v${index}`] ?? 0),
      }));
    },

    async track(step, table, { relation, on, at, closeMissing = false }) {
      const exists = (await warehouse.tables()).includes(table);
      const current = exists ? await warehouse.table(table) : undefined;
      const changes = await dimensionChanges(engine, { relation, on, at, closeMissing, current });
      if (current === undefined) return warehouse.load(step, table, { relation: changes });
      return warehouse.merge(step, table, { relation: changes, on: [...on, VALID_FROM] });
    },

    async read(table, { asOf, validAt: time } = {}) {
      const view = await warehouse.table(table, asOf === undefined ? {} : { asOf });
      if (time === undefined) return view;
      if (!view.schema.fields.some(({ name }) => name === VALID_FROM)) {
        throw new WaybillError(
          "failed_precondition",
          `The table "${table}" has no history of what was valid.`,
          {
            hint: "Bring its rows as a dimension of type 2.",
          },
        );
      }
      const valid = validAt(engine, view.relation, time);
      const [row] = await engine.rows(`SELECT count(*) AS n FROM ${valid}`);
      return { ...view, relation: valid, rowCount: Number(row?.["n"]) };
    },

    async star(fact, { timeColumn } = {}) {
      const { role, references = {} } = await described(fact);
      if (role !== "fact") {
        throw new WaybillError("failed_precondition", `"${fact}" is a dimension, not a fact.`);
      }
      const columns = ["f.*"];
      const joins: string[] = [];
      for (const [index, [column, dimension]] of Object.entries(references).entries()) {
        const view = await warehouse.table(dimension);
        const { key = [] } = await described(dimension);
        const [keyColumn] = key;
        if (keyColumn === undefined || key.length > 1) {
          throw new WaybillError(
            "failed_precondition",
            `The dimension "${dimension}" needs a key of one column.`,
          );
        }
        const alias = `d${index}`;
        const names = view.schema.fields.map(({ name }) => name);
        for (const name of names) {
          if (name === keyColumn || name === VALID_FROM || name === VALID_TO) continue;
          columns.push(`${alias}.${quote(name)} AS ${quote(`${column}_${name}`)}`);
        }
        const conditions = [`f.${quote(column)} = ${alias}.${quote(keyColumn)}`];
        if (names.includes(VALID_FROM)) {
          const ends = `${alias}.${VALID_TO}`;
          const at = timeColumn === undefined ? undefined : `f.${quote(timeColumn)}`;
          conditions.push(
            at === undefined
              ? `${ends} IS NULL`
              : `${alias}.${VALID_FROM} <= ${at} AND (${ends} IS NULL OR ${ends} > ${at})`,
          );
        }
        joins.push(`LEFT JOIN ${view.relation} AS ${alias} ON ${conditions.join(" AND ")}`);
      }
      const { relation } = await warehouse.table(fact);
      return `(SELECT ${columns.join(", ")} FROM ${relation} AS f ${joins.join(" ")})`;
    },
  };
}

function propertiesOf(description: TableDescription): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(description)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [
        PREFIX + key,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
  );
}

/** What a table's properties say of it; undefined for a table that nobody described. */
function descriptionIn(properties: Readonly<Record<string, string>>): TableDescription | undefined {
  const role = properties[`${PREFIX}role`];
  if (role !== "fact" && role !== "dimension") return undefined;
  const text = (key: string) => properties[PREFIX + key];
  const [owner, description] = [text("owner"), text("description")];
  const key = jsonIn(text("key"));
  const references = jsonIn(text("references"));
  const checks = jsonIn(text("checks"));
  const hours = Number(text("freshForHours") ?? Number.NaN);
  return {
    role,
    grain: text("grain") ?? "",
    ...(owner === undefined ? {} : { owner }),
    ...(description === undefined ? {} : { description }),
    ...(Number.isNaN(hours) ? {} : { freshForHours: hours }),
    ...(Array.isArray(key) ? { key: key.map(String) } : {}),
    ...(isTexts(references) ? { references } : {}),
    ...(isTexts(checks) ? { checks } : {}),
  };
}

/** Properties can be set by anybody: what is no JSON is as if it were not there. */
function jsonIn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.values(value).every((member) => typeof member === "string");
}
