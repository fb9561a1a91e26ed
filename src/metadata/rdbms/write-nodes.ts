import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { PropertyType, Value } from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { SqlParameter, WriteTransaction } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { Node, NodeKind } from "./kinds.ts";
import { findNodes } from "./read-nodes.ts";
import { describe, has, refuse } from "./text.ts";
import { declaredProperties } from "./types.ts";
import { encodeValue, propertyTypeOf, VALUE_COLUMNS } from "./values.ts";

type ValueMap = { readonly [name: string]: Value };

/** The part of an update that is asked for; undefined means the whole node. */
interface Mask {
  readonly fields: ReadonlySet<string>;
  readonly properties: KeyMask;
  readonly customProperties: KeyMask;
}
type KeyMask = "all" | ReadonlySet<string>;

/** How nodes are written. */
export interface NodeWriteOptions {
  readonly nowMs: bigint;
  /** For nodes with an id: only these fields change. Paths of no field are ignored. */
  readonly mask?: FieldMask | undefined;
  /** Moves last_update_time even when nothing differs. */
  readonly forceUpdateTime?: boolean;
  /** Names the node in errors about the properties of an update, as errors of inserts always do. */
  readonly isNamedInErrors?: boolean;
}

/** Writes nodes of one kind; remembers the types that it has seen within one call. */
export class NodeWriter<N extends Node> {
  readonly #tx: WriteTransaction;
  readonly #kind: NodeKind<N>;
  readonly #types = new Map<bigint, ReadonlyMap<string, PropertyType>>();
  readonly #insertNode: string;
  readonly #insertProperty: string;

  constructor(tx: WriteTransaction, kind: NodeKind<N>) {
    this.#tx = tx;
    this.#kind = kind;
    const columns = [
      "type_id",
      "name",
      "external_id",
      "create_time_since_epoch",
      "last_update_time_since_epoch",
      ...kind.columns.map(({ column }) => column),
    ];
    this.#insertNode = `INSERT INTO ${kind.table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
    this.#insertProperty = `
      INSERT INTO ${kind.propertyTable} (${kind.idColumn}, name, is_custom_property, ${VALUE_COLUMNS.join(", ")})
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
  }

  /** Inserts a node without an id, updates one with an id; returns the id. */
  async upsert(node: N, options: NodeWriteOptions): Promise<bigint> {
    return has(node, "id") ? this.#update(node, options) : this.#insert(node, options);
  }

  async #insert(node: N, { nowMs }: NodeWriteOptions): Promise<bigint> {
    if (!has(node, "typeId")) throw refuse("invalid_argument", "Type id is missing.");
    const declared = await this.#propertiesOf(node, node.typeId);
    if (this.#kind.word === "context" && node.name === "") {
      throw refuse("invalid_argument", "Context name should not be empty");
    }
    this.#check(node, declared, Object.keys(node.properties), true);
    try {
      const id = await this.#tx.insert(this.#insertNode, [
        node.typeId,
        has(node, "name") ? node.name : null,
        has(node, "externalId") ? node.externalId : null,
        nowMs,
        nowMs,
        ...this.#ownValues(node),
      ]);
      for (const [name, value] of Object.entries(node.properties)) {
        await this.#tx.run(this.#insertProperty, [id, name, 0n, ...this.#encode(name, value)]);
      }
      for (const [name, value] of Object.entries(node.customProperties)) {
        await this.#tx.run(this.#insertProperty, [id, name, 1n, ...this.#encode(name, value)]);
      }
      return id;
    } catch (error) {
      throw this.#duplicate(node, error);
    }
  }

  async #update(node: N, options: NodeWriteOptions): Promise<bigint> {
    const [stored] = await findNodes(this.#tx, this.#kind, "id", [node.id]);
    if (stored === undefined) {
      throw refuse("invalid_argument", `Cannot find the given id ${node.id}`);
    }
    if (has(node, "typeId") && node.typeId !== stored.typeId) {
      throw refuse(
        "invalid_argument",
        `Given type_id ${node.typeId} is different from the one known before: ${stored.typeId}`,
      );
    }
    const mask = parseMask(options.mask);
    const isContext = this.#kind.word === "context";
    if (isContext && (mask === undefined || mask.fields.has("name")) && node.name === "") {
      throw refuse("invalid_argument", "Context name should not be empty");
    }
    const keys = maskedKeys(mask?.properties ?? "all", stored.properties, node.properties);
    const customKeys = maskedKeys(
      mask?.customProperties ?? "all",
      stored.customProperties,
      node.customProperties,
    );
    const declared = await this.#propertiesOf(node, stored.typeId);
    this.#check(
      node,
      declared,
      keys.filter((key) => node.properties[key] !== undefined),
      options.isNamedInErrors ?? false,
    );
    const changes =
      (await this.#writeProperties(stored.id, 0n, keys, stored.properties, node.properties)) +
      (await this.#writeProperties(
        stored.id,
        1n,
        customKeys,
        stored.customProperties,
        node.customProperties,
      ));
    if (changes > 0 || options.forceUpdateTime || this.#differs(stored, node)) {
      await this.#writeFields(stored, node, mask, options.nowMs);
    }
    return stored.id;
  }

  /** Properties not declared, or of another kind than declared, are refused. */
  #check(
    node: N,
    declared: ReadonlyMap<string, PropertyType>,
    keys: readonly string[],
    isNamed: boolean,
  ): void {
    for (const key of keys) {
      const value = node.properties[key];
      const wanted = declared.get(key);
      if (wanted !== undefined && value !== undefined && propertyTypeOf(value) === wanted) continue;
      const what = wanted === undefined ? "unknown property" : "unmatched property type";
      const whose = isNamed ? `Cannot validate properties of ${this.#describe(node)}` : "";
      throw refuse("invalid_argument", `${whose}Found ${what}: ${key}`);
    }
  }

  async #writeFields(stored: N, given: N, mask: Mask | undefined, nowMs: bigint): Promise<void> {
    const from = (field: string) => (mask === undefined || mask.fields.has(field) ? given : stored);
    const columns = this.#kind.columns.map(({ column }) => column);
    const values: SqlParameter[] = this.#kind.columns.map(({ field }) =>
      columnValue(from(field), field),
    );
    // The name of an artifact or execution stays as it was first given; only contexts are renamed.
    if (this.#kind.word === "context") {
      columns.push("name");
      values.push(from("name").name);
    }
    const external = from("externalId");
    columns.push("external_id", "last_update_time_since_epoch");
    values.push(has(external, "externalId") ? external.externalId : null, nowMs);
    try {
      await this.#tx.run(
        `UPDATE ${this.#kind.table} SET ${columns.map((column) => `${column} = ?`).join(", ")} WHERE id = ?`,
        [...values, stored.id],
      );
    } catch (error) {
      throw this.#duplicate(given, error);
    }
  }

  /** Writes the keys whose values differ; returns how many did. */
  async #writeProperties(
    id: bigint,
    isCustom: 0n | 1n,
    keys: readonly string[],
    stored: ValueMap,
    given: ValueMap,
  ): Promise<number> {
    const { propertyTable, idColumn } = this.#kind;
    let changes = 0;
    for (const key of keys) {
      const before = stored[key];
      const after = given[key];
      const row = after === undefined ? undefined : this.#encode(key, after);
      if (before === undefined && row === undefined) continue;
      if (before !== undefined && row !== undefined && sameRow(this.#encode(key, before), row)) {
        continue;
      }
      changes += 1;
      if (before !== undefined) {
        await this.#tx.run(
          `DELETE FROM ${propertyTable} WHERE ${idColumn} = ? AND name = ? AND is_custom_property = ?`,
          [id, key, isCustom],
        );
      }
      if (row !== undefined) await this.#tx.run(this.#insertProperty, [id, key, isCustom, ...row]);
    }
    return changes;
  }

  /**
   * Whether a field beside type id, times and properties differs, presence included. `type` and `name`
   * count although they cannot change, and fields outside a mask too, as ML Metadata has it.
   */
  #differs(stored: N, given: N): boolean {
    const own = this.#kind.columns.map(({ field }) => field);
    return [...own, "name", "type", "externalId"].some(
      (field) =>
        has(stored, field) !== has(given, field) ||
        Reflect.get(stored, field) !== Reflect.get(given, field),
    );
  }

  #encode(name: string, value: Value): SqlParameter[] {
    return encodeValue(name, value, this.#tx.dialect);
  }

  #ownValues(node: N): SqlParameter[] {
    return this.#kind.columns.map(({ field }) => columnValue(node, field));
  }

  /** The properties that a type declares, read once per call. */
  async #propertiesOf(node: N, typeId: bigint): Promise<ReadonlyMap<string, PropertyType>> {
    const known = this.#types.get(typeId);
    if (known !== undefined) return known;
    const properties = await declaredProperties(this.#tx, this.#kind, typeId);
    if (properties === undefined) {
      throw refuse(
        "not_found",
        `Cannot find type for ${this.#describe(node)}No type found for query, type_id: ${typeId}`,
      );
    }
    this.#types.set(typeId, properties);
    return properties;
  }

  #describe(node: N): string {
    return describe(this.#kind.schema, node);
  }

  #duplicate(node: N, error: unknown): unknown {
    if (!(error instanceof WaybillError) || error.code !== "already_exists") return error;
    return refuse(
      "already_exists",
      `Given node already exists: ${this.#describe(node)}${error.message}`,
      error,
    );
  }
}

/** A field as its column stores it: the uri as text that is never NULL, enums as their number. */
function columnValue(node: Node, field: string): SqlParameter {
  if (field === "uri") return has(node, field) ? String(Reflect.get(node, field)) : "";
  return has(node, field) ? BigInt(Number(Reflect.get(node, field))) : null;
}

const MASK_FIELDS: ReadonlyMap<string, string> = new Map([
  ["uri", "uri"],
  ["state", "state"],
  ["last_known_state", "lastKnownState"],
  ["external_id", "externalId"],
  ["name", "name"],
]);

function parseMask(mask: FieldMask | undefined): Mask | undefined {
  if (mask === undefined || mask.paths.length === 0) return undefined;
  const fields = new Set<string>();
  for (const path of mask.paths) {
    const field = MASK_FIELDS.get(path);
    if (field !== undefined) fields.add(field);
  }
  return {
    fields,
    properties: keyMask(mask.paths, "properties"),
    customProperties: keyMask(mask.paths, "custom_properties"),
  };
}

function keyMask(paths: readonly string[], word: string): KeyMask {
  if (paths.includes(word)) return "all";
  const prefix = `${word}.`;
  return new Set(
    paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)),
  );
}

function maskedKeys(mask: KeyMask, stored: ValueMap, given: ValueMap): string[] {
  return mask === "all" ? [...new Set([...Object.keys(stored), ...Object.keys(given)])] : [...mask];
}

function sameRow(a: readonly SqlParameter[], b: readonly SqlParameter[]): boolean {
  return a.every((value, index) => {
    const other = b[index];
    return value instanceof Uint8Array && other instanceof Uint8Array
      ? Buffer.compare(value, other) === 0
      : Object.is(value, other);
  });
}
