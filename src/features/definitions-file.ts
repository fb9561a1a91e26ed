import { WaybillError } from "../foundation/index.ts";
import {
  type Definitions,
  type Entity,
  type Expression,
  entity,
  type FeatureService,
  type FeatureView,
  type Field,
  featureService,
  featureView,
  field,
  type OnDemandFeatureView,
  type Operator,
  onDemandFeatureView,
  type Projection,
  parquetSource,
  type Source,
  warehouseSource,
} from "./definitions.ts";
import type { KINDS } from "./registry.ts";
import { suggestion } from "./suggest.ts";
import { type KeyType, VALUE_TYPES, type ValueType } from "./value-type.ts";

/**
 * Definitions from parsed JSON or YAML: an object with any of `entities`, `sources`, `featureViews`,
 * `onDemandFeatureViews`, `featureServices`, each a list of objects with the fields of our types; what has
 * a default may be left out. Whether names mean something is for `buildRegistry` to say.
 * @param where what is read, for messages: a path
 * @throws `invalid_argument` naming the place, for a value of another type and for an unknown field
 */
export function parseDefinitions(value: unknown, where: string): Definitions {
  const all = new ObjectReader(value, where);
  const definitions = {
    entities: all.list("entities", entityFrom),
    sources: all.list("sources", sourceFrom),
    featureViews: all.list("featureViews", viewFrom),
    onDemandFeatureViews: all.list("onDemandFeatureViews", onDemandFrom),
    featureServices: all.list("featureServices", serviceFrom),
  } satisfies Record<(typeof KINDS)[number], unknown>;
  all.end();
  return definitions;
}

function entityFrom(at: ObjectReader): Entity {
  const name = at.text("name");
  return entity({
    name,
    joinKey: at.text("joinKey", name),
    // A type that cannot be a key is told by buildRegistry.
    valueType: at.oneOf("valueType", Object.keys(VALUE_TYPES)) as KeyType,
    ...documentationFrom(at),
  });
}

function sourceFrom(at: ObjectReader): Source {
  const parts = {
    name: at.text("name"),
    timestampField: at.text("timestampField", ""),
    createdTimestampColumn: at.optionalText("createdTimestampColumn"),
    fieldMapping: at.texts("fieldMapping"),
    ...documentationFrom(at),
  };
  return at.oneOf("kind", ["parquet", "warehouse"]) === "parquet"
    ? parquetSource({ ...parts, paths: at.textList("paths") ?? [] })
    : warehouseSource({ ...parts, table: at.text("table") });
}

function viewFrom(at: ObjectReader): FeatureView {
  return featureView({
    name: at.text("name"),
    entities: at.textList("entities") ?? [],
    schema: at.list("schema", fieldFrom),
    source: at.text("source"),
    ttlSeconds: at.number("ttlSeconds", 0),
    online: at.flag("online", true),
    ...documentationFrom(at),
  });
}

function onDemandFrom(at: ObjectReader): OnDemandFeatureView {
  return onDemandFeatureView({
    name: at.text("name"),
    sources: at.textList("sources") ?? [],
    requestSchema: at.list("requestSchema", fieldFrom),
    schema: at.list("schema", fieldFrom),
    expressions: at.record("expressions", expressionFrom),
    ...documentationFrom(at),
  });
}

function serviceFrom(at: ObjectReader): FeatureService {
  return featureService({
    name: at.text("name"),
    projections: at.list("projections", projectionFrom),
    ...documentationFrom(at),
  });
}

function projectionFrom(at: ObjectReader): Projection {
  return {
    view: at.text("view"),
    features: at.textList("features"),
    alias: at.optionalText("alias"),
    joinKeyMap: at.texts("joinKeyMap"),
  };
}

function fieldFrom(at: ObjectReader): Field {
  const dtype = at.oneOf("dtype", Object.keys(VALUE_TYPES)) as ValueType;
  return field(at.text("name"), dtype, {
    description: at.text("description", ""),
    tags: at.texts("tags"),
  });
}

function expressionFrom(value: unknown, where: string): Expression {
  const isOperand = (operand: unknown) =>
    typeof operand === "string" || typeof operand === "number";
  if (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[0] === "string" &&
    isOperand(value[1]) &&
    isOperand(value[2])
  ) {
    // An operator that does not exist is told by buildRegistry.
    return [value[0] as Operator, value[1], value[2]];
  }
  throw wrong(where, 'an expression like ["add", "a", 1]');
}

function documentationFrom(at: ObjectReader) {
  return {
    description: at.text("description", ""),
    owner: at.text("owner", ""),
    tags: at.texts("tags"),
  };
}

/** Reads the fields of one object, and knows which of them were read. */
class ObjectReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #known = new Set<string>();

  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(where, "an object");
    }
    // An object that is no array has fields by name.
    this.#fields = value as Readonly<Record<string, unknown>>;
    this.#where = where;
  }

  text(name: string, otherwise?: string): string {
    const value = this.optionalText(name) ?? otherwise;
    if (value !== undefined) return value;
    throw new WaybillError("invalid_argument", `${this.#where} has no "${name}".`);
  }

  optionalText(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || typeof value === "string") return value;
    throw wrong(this.#at(name), "text");
  }

  oneOf(name: string, choices: readonly string[]): string {
    const value = this.text(name);
    if (choices.includes(value)) return value;
    throw new WaybillError("invalid_argument", `${this.#at(name)} is "${value}".`, {
      hint: suggestion(value, choices),
    });
  }

  number(name: string, otherwise: number): number {
    const value = this.#read(name) ?? otherwise;
    if (typeof value === "number") return value;
    throw wrong(this.#at(name), "a number");
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#read(name) ?? otherwise;
    if (typeof value === "boolean") return value;
    throw wrong(this.#at(name), "true or false");
  }

  textList(name: string): readonly string[] | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw wrong(this.#at(name), "a list");
    return value.map((element: unknown, index) => {
      if (typeof element === "string") return element;
      throw wrong(`${this.#at(name)}[${index}]`, "text");
    });
  }

  texts(name: string): Readonly<Record<string, string>> {
    return this.record(name, (value, where) => {
      if (typeof value === "string") return value;
      throw wrong(where, "text");
    });
  }

  record<T>(name: string, parse: (value: unknown, where: string) => T): Record<string, T> {
    const value = this.#read(name) ?? {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(this.#at(name), "an object");
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        parse(member, `${this.#at(name)}.${key}`),
      ]),
    );
  }

  list<T>(name: string, parse: (at: ObjectReader) => T): T[] {
    const value = this.#read(name) ?? [];
    if (!Array.isArray(value)) throw wrong(this.#at(name), "a list");
    return value.map((element: unknown, index) => {
      const at = new ObjectReader(element, `${this.#at(name)}[${index}]`);
      const parsed = parse(at);
      at.end();
      return parsed;
    });
  }

  /** Every field has been read: another one is a mistake in the name. */
  end(): void {
    for (const name of Object.keys(this.#fields)) {
      if (this.#known.has(name)) continue;
      throw new WaybillError("invalid_argument", `${this.#where} has an unknown field "${name}".`, {
        hint: suggestion(name, this.#known),
      });
    }
  }

  #read(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name] ?? undefined;
  }

  #at(name: string): string {
    return `${this.#where}.${name}`;
  }
}

function wrong(where: string, wanted: string): WaybillError {
  return new WaybillError("invalid_argument", `${where} must be ${wanted}.`);
}
