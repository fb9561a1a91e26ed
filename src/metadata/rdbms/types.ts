import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import {
  ArtifactStructTypeSchema,
  type ExecutionType,
  PropertyType,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { ReadTransaction, WriteTransaction } from "../../database/index.ts";
import { type NodeType, systemTypes, type TypeKind } from "./kinds.ts";
import { distinct, setParts } from "./sets.ts";
import { describe, has, refuse } from "./text.ts";

type TypeRow = {
  readonly id: bigint;
  readonly name: string;
  readonly version: string | null;
  readonly description: string | null;
  readonly input_type: string | null;
  readonly output_type: string | null;
  readonly external_id: string | null;
};

const SELECT_TYPE = `
  SELECT id, name, version, description, input_type, output_type, external_id
  FROM Type`;

/** A type by name and version; version `""` is the type without one. */
export async function findType<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  name: string,
  version: string,
): Promise<T | undefined> {
  const rows = await (version === ""
    ? tx.all<TypeRow>(`${SELECT_TYPE} WHERE name = ? AND version IS NULL AND type_kind = ?`, [
        name,
        kind.typeKind,
      ])
    : tx.all<TypeRow>(`${SELECT_TYPE} WHERE name = ? AND version = ? AND type_kind = ?`, [
        name,
        version,
        kind.typeKind,
      ]));
  return (await toTypes(tx, kind, rows))[0];
}

/** The id of a type by name and version, or undefined; cheaper than the type. */
export async function findTypeId(
  tx: ReadTransaction,
  kind: Pick<TypeKind<NodeType>, "typeKind">,
  name: string,
  version: string,
): Promise<bigint | undefined> {
  const row = await (version === ""
    ? tx.get<{ id: bigint }>(
        "SELECT id FROM Type WHERE name = ? AND version IS NULL AND type_kind = ?",
        [name, kind.typeKind],
      )
    : tx.get<{ id: bigint }>(
        "SELECT id FROM Type WHERE name = ? AND version = ? AND type_kind = ?",
        [name, version, kind.typeKind],
      ));
  return row?.id;
}

/** Types by id, those that exist, in the order of the ids given. */
export async function findTypesById<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  ids: readonly bigint[],
): Promise<T[]> {
  const found = new Map<bigint, T>();
  for (const { marks, values } of setParts(distinct(ids))) {
    const rows = await tx.all<TypeRow>(`${SELECT_TYPE} WHERE id IN (${marks}) AND type_kind = ?`, [
      ...values,
      kind.typeKind,
    ]);
    for (const type of await toTypes(tx, kind, rows)) found.set(type.id, type);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** The properties that a type declares, or undefined when there is no such type of the kind. */
export async function declaredProperties(
  tx: ReadTransaction,
  kind: TypeKind<NodeType>,
  typeId: bigint,
): Promise<ReadonlyMap<string, PropertyType> | undefined> {
  const rows = await tx.all<{ name: string | null; data_type: bigint | null }>(
    `SELECT p.name, p.data_type
     FROM Type t LEFT JOIN TypeProperty p ON p.type_id = t.id
     WHERE t.id = ? AND t.type_kind = ?`,
    [typeId, kind.typeKind],
  );
  if (rows.length === 0) return undefined;
  const declared = new Map<string, PropertyType>();
  for (const { name, data_type } of rows) {
    // The column holds the enum's own numbers.
    if (name !== null) declared.set(name, Number(data_type ?? 0n) as PropertyType);
  }
  return declared;
}

/**
 * All types of a kind by id, without the system's own unless asked for. Their external ids are left out,
 * as ML Metadata leaves them out of its lists.
 */
export async function allTypes<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  options: { readonly withSystemTypes?: boolean } = {},
): Promise<T[]> {
  const rows = await tx.all<TypeRow>(`${SELECT_TYPE} WHERE type_kind = ? ORDER BY id`, [
    kind.typeKind,
  ]);
  const system = new Set(systemTypes.map((type) => type.name));
  const wanted = options.withSystemTypes ? rows : rows.filter((row) => !system.has(row.name));
  return toTypes(
    tx,
    kind,
    wanted.map((row) => ({ ...row, external_id: null })),
  );
}

/** Types by external id; those that exist. */
export async function findTypesByExternalId<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  externalIds: readonly string[],
): Promise<T[]> {
  const types: T[] = [];
  for (const { marks, values } of setParts(distinct(externalIds))) {
    const rows = await tx.all<TypeRow>(
      `${SELECT_TYPE} WHERE external_id IN (${marks}) AND type_kind = ? ORDER BY id`,
      [...values, kind.typeKind],
    );
    types.push(...(await toTypes(tx, kind, rows)));
  }
  return types;
}

/** What a put of a type may change in a stored one. */
export interface TypeChange {
  readonly canAddFields: boolean;
  readonly canOmitFields: boolean;
  readonly allFieldsMatch: boolean;
}

/**
 * Stores a type or widens the stored one; returns its id.
 * @throws `already_exists` when the stored type differs in a way the change does not allow
 */
export async function putType<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  type: T,
  change: TypeChange,
): Promise<bigint> {
  if (!change.allFieldsMatch) throw refuse("unimplemented", "Must match all fields.");
  if (type.name === "") throw refuse("invalid_argument", "No type name is specified.");
  const stored = await findType(tx, kind, type.name, type.version);
  const id = stored === undefined ? await insertType(tx, kind, type) : stored.id;
  if (stored !== undefined) await widenType(tx, kind, stored, type, change);
  await putBaseType(tx, kind, id, stored, type);
  return id;
}

async function insertType<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  type: T,
): Promise<bigint> {
  await assertExternalIdIsFree(tx, type);
  const id = await tx.insert(
    `INSERT INTO Type (name, version, type_kind, description, input_type, output_type, external_id)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [
      type.name,
      type.version === "" ? null : type.version,
      kind.typeKind,
      has(type, "description") ? type.description : null,
      structTypeJson(type, "inputType"),
      structTypeJson(type, "outputType"),
      has(type, "externalId") ? type.externalId : null,
    ],
  );
  for (const [name, propertyType] of Object.entries(type.properties)) {
    await insertProperty(tx, id, name, propertyType);
  }
  return id;
}

async function insertProperty(
  tx: WriteTransaction,
  typeId: bigint,
  name: string,
  propertyType: PropertyType,
): Promise<void> {
  if (propertyType === PropertyType.UNKNOWN) {
    throw refuse("invalid_argument", `Property ${name} is UNKNOWN.`);
  }
  await tx.run("INSERT INTO TypeProperty (type_id, name, data_type) VALUES (?, ?, ?)", [
    typeId,
    name,
    BigInt(propertyType),
  ]);
}

async function widenType<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  stored: T,
  given: T,
  change: TypeChange,
): Promise<void> {
  const conflict = (why: string) =>
    refuse(
      "already_exists",
      `Type already exists with different properties: ${why} stored_type: ${describe(kind.typeSchema, stored)} given_type: ${describe(kind.typeSchema, given)}`,
    );
  for (const name of Object.keys(stored.properties)) {
    if (given.properties[name] === undefined && !change.canOmitFields) {
      throw conflict("can_omit_fields is false while stored type has more properties:");
    }
  }
  for (const [name, propertyType] of Object.entries(given.properties)) {
    const known = stored.properties[name];
    if (known !== undefined && known !== propertyType) {
      throw conflict("Conflicting property value type found in stored and given types:");
    }
    if (known === undefined && !change.canAddFields) {
      throw conflict("can_add_fields is false while the given type has more properties:");
    }
  }
  for (const [name, propertyType] of Object.entries(given.properties)) {
    if (stored.properties[name] === undefined) {
      await insertProperty(tx, stored.id, name, propertyType);
    }
  }
  if (has(given, "externalId") && stored.externalId !== given.externalId) {
    await assertExternalIdIsFree(tx, given);
    await tx.run("UPDATE Type SET external_id = ? WHERE id = ?", [given.externalId, stored.id]);
  }
}

async function putBaseType<T extends NodeType>(
  tx: WriteTransaction,
  kind: TypeKind<T>,
  id: bigint,
  stored: T | undefined,
  given: T,
): Promise<void> {
  if (!has(given, "baseType")) return;
  const name = kind.baseTypes.get(given.baseType);
  if (name === undefined) {
    throw refuse("unimplemented", "base_type deletion is not supported yet");
  }
  if (stored !== undefined && has(stored, "baseType")) {
    if (stored.baseType === given.baseType) return;
    throw refuse("unimplemented", "base_type update is not supported yet");
  }
  const base = await findTypeId(tx, kind, name, "");
  if (base === undefined) throw refuse("internal", `The system type ${name} is missing.`);
  await tx.run("INSERT INTO ParentType (type_id, parent_type_id) VALUES (?, ?)", [id, base]);
}

async function assertExternalIdIsFree(tx: ReadTransaction, type: NodeType): Promise<void> {
  if (!has(type, "externalId")) return;
  const taken = await tx.get("SELECT id FROM Type WHERE external_id = ?", [type.externalId]);
  if (taken !== undefined) {
    throw refuse(
      "already_exists",
      `Conflict of external_id: ${type.externalId} Found already existing types with the same external_id: ${type.externalId}`,
    );
  }
}

async function toTypes<T extends NodeType>(
  tx: ReadTransaction,
  kind: TypeKind<T>,
  rows: readonly TypeRow[],
): Promise<T[]> {
  const types = new Map<bigint, T>();
  for (const row of rows) types.set(row.id, toType(kind, row));
  for (const { marks, values } of setParts([...types.keys()])) {
    const properties = await tx.all<{ type_id: bigint; name: string; data_type: bigint | null }>(
      `SELECT type_id, name, data_type FROM TypeProperty WHERE type_id IN (${marks}) ORDER BY name`,
      values,
    );
    for (const { type_id, name, data_type } of properties) {
      const type = types.get(type_id);
      // The column holds the enum's own numbers.
      if (type) type.properties[name] = Number(data_type ?? 0n) as PropertyType;
    }
    if (kind.baseTypes.size === 0) continue;
    const bases = await tx.all<{ type_id: bigint; name: string }>(
      `SELECT p.type_id, t.name
       FROM ParentType p JOIN Type t ON t.id = p.parent_type_id
       WHERE p.type_id IN (${marks})`,
      values,
    );
    for (const base of bases) {
      const type = types.get(base.type_id);
      const value = [...kind.baseTypes].find(([, name]) => name === base.name)?.[0];
      // The map's keys are the values of the kind's own base type enum.
      if (type && value !== undefined) type.baseType = value as never;
    }
  }
  return [...types.values()];
}

function toType<T extends NodeType>(kind: TypeKind<T>, row: TypeRow): T {
  const type = create(kind.typeSchema);
  type.id = row.id;
  type.name = row.name;
  if (row.version !== null) type.version = row.version;
  if (row.description !== null) type.description = row.description;
  if (row.external_id !== null) type.externalId = row.external_id;
  if (isExecutionType(type)) {
    if (row.input_type !== null) {
      type.inputType = fromJsonString(ArtifactStructTypeSchema, row.input_type);
    }
    if (row.output_type !== null) {
      type.outputType = fromJsonString(ArtifactStructTypeSchema, row.output_type);
    }
  }
  return type;
}

function structTypeJson(type: NodeType, field: "inputType" | "outputType"): string | null {
  if (!isExecutionType(type)) return null;
  const structType = type[field];
  return structType === undefined ? null : toJsonString(ArtifactStructTypeSchema, structType);
}

function isExecutionType(type: NodeType): type is ExecutionType {
  return type.$typeName === "ml_metadata.ExecutionType";
}
