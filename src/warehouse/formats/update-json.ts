import { WaybillError } from "../../foundation/index.ts";
import type { TableRequirement } from "../requirements.ts";
import type { NewPartitionSpec, TableUpdate } from "../table-update.ts";
import type { ExactJson } from "./exact-json.ts";
import type { Snapshot, SnapshotRef, SortField } from "./table-metadata.ts";
import { isArray, objectOf, parseTableSchema, type TableSchema } from "./table-schema.ts";

type Members = Readonly<Record<string, ExactJson>>;

/**
 * Parses the updates of a commit.
 * @throws `invalid_argument` for what is no update, `unimplemented` for those of format version 3
 * Source: Apache Iceberg REST catalog specification, "TableUpdate".
 */
export function parseTableUpdates(json: ExactJson | undefined): readonly TableUpdate[] {
  return list(json, "updates").map((update) => parseUpdate(object(update, "update")));
}

/** Parses the requirements of a commit. Source: as above, "TableRequirement". */
export function parseTableRequirements(json: ExactJson | undefined): readonly TableRequirement[] {
  return list(json ?? [], "requirements").map((requirement) => {
    const members = object(requirement, "requirement");
    const type = text(members, "type");
    switch (type) {
      case "assert-create":
        return { type };
      case "assert-table-uuid":
        return { type, uuid: text(members, "uuid") };
      case "assert-ref-snapshot-id": {
        const id = members["snapshot-id"] ?? null;
        return {
          type,
          ref: text(members, "ref"),
          "snapshot-id": id === null ? undefined : long(members, "snapshot-id"),
        };
      }
      case "assert-last-assigned-field-id":
        return { type, expected: integer(members, "last-assigned-field-id") };
      case "assert-current-schema-id":
        return { type, expected: integer(members, "current-schema-id") };
      case "assert-last-assigned-partition-id":
        return { type, expected: integer(members, "last-assigned-partition-id") };
      case "assert-default-spec-id":
        return { type, expected: integer(members, "default-spec-id") };
      case "assert-default-sort-order-id":
        return { type, expected: integer(members, "default-sort-order-id") };
      default:
        throw wrong(`"${type}" is no requirement`);
    }
  });
}

/** Parses the schema of a table that is to be made. @throws `invalid_argument` */
export function parseNewSchema(json: ExactJson | undefined): TableSchema {
  return parseTableSchema(json, "The schema", "invalid_argument");
}

/** Parses a partition spec; its fields may have no ids yet. @throws `invalid_argument` */
export function parseNewSpec(json: ExactJson | undefined): NewPartitionSpec {
  const fields = list(object(json, "partition spec")["fields"], "fields of a partition spec");
  return {
    fields: fields.map((field) => {
      const members = object(field, "partition field");
      const id = members["field-id"] ?? undefined;
      return {
        "source-id": integer(members, "source-id"),
        ...(id === undefined ? {} : { "field-id": integer(members, "field-id") }),
        name: text(members, "name"),
        transform: text(members, "transform"),
      };
    }),
  };
}

/** Parses the fields of a sort order. @throws `invalid_argument` */
export function parseNewOrder(json: ExactJson | undefined): readonly SortField[] {
  const fields = list(object(json, "sort order")["fields"], "fields of a sort order");
  return fields.map((field) => {
    const members = object(field, "sort field");
    return {
      transform: text(members, "transform"),
      "source-id": integer(members, "source-id"),
      direction: members["direction"] === "desc" ? "desc" : "asc",
      "null-order": members["null-order"] === "nulls-last" ? "nulls-last" : "nulls-first",
    };
  });
}

/** Parses a map of texts, such as properties. @throws `invalid_argument` naming `what` */
export function parseTexts(
  json: ExactJson | undefined,
  what: string,
): Readonly<Record<string, string>> {
  const entries = Object.entries(object(json ?? {}, what));
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (typeof value !== "string") throw wrong(`"${key}" of the ${what} is no text`);
      return [key, value];
    }),
  );
}

/** Parses a list of texts. @throws `invalid_argument` naming `what` */
export function parseTextList(json: ExactJson | undefined, what: string): readonly string[] {
  return list(json ?? [], what).map((member) => {
    if (typeof member !== "string") throw wrong(`a member of the ${what} is no text`);
    return member;
  });
}

function parseUpdate(members: Members): TableUpdate {
  const action = text(members, "action");
  switch (action) {
    case "assign-uuid":
      return { action, uuid: text(members, "uuid") };
    case "upgrade-format-version":
      return { action, "format-version": integer(members, "format-version") };
    case "add-schema": {
      const last = members["last-column-id"] ?? undefined;
      return {
        action,
        schema: parseNewSchema(members["schema"]),
        ...(last === undefined ? {} : { "last-column-id": integer(members, "last-column-id") }),
      };
    }
    case "set-current-schema":
      return { action, "schema-id": integer(members, "schema-id") };
    case "add-spec":
      return { action, spec: parseNewSpec(members["spec"]) };
    case "set-default-spec":
      return { action, "spec-id": integer(members, "spec-id") };
    case "add-sort-order":
      return {
        action,
        "sort-order": { "order-id": 0, fields: parseNewOrder(members["sort-order"]) },
      };
    case "set-default-sort-order":
      return { action, "sort-order-id": integer(members, "sort-order-id") };
    case "set-location":
      return { action, location: text(members, "location") };
    case "set-properties":
      return { action, updates: parseTexts(members["updates"], "updates") };
    case "remove-properties":
      return { action, removals: parseTextList(members["removals"], "removals") };
    case "add-snapshot":
      return { action, snapshot: parseSnapshot(object(members["snapshot"], "snapshot")) };
    case "set-snapshot-ref":
      return { action, "ref-name": text(members, "ref-name"), ...parseRef(members) };
    case "remove-snapshot-ref":
      return { action, "ref-name": text(members, "ref-name") };
    case "remove-snapshots":
      return {
        action,
        "snapshot-ids": list(members["snapshot-ids"], "snapshot-ids").map((id) =>
          longOf(id, "snapshot-ids"),
        ),
      };
    case "remove-schemas":
      return { action, "schema-ids": integers(members, "schema-ids") };
    case "remove-partition-specs":
      return { action, "spec-ids": integers(members, "spec-ids") };
    case "set-statistics":
    case "set-partition-statistics": {
      const key = action === "set-statistics" ? "statistics" : "partition-statistics";
      const statistics = object(members[key], key);
      return { action, "snapshot-id": long(statistics, "snapshot-id"), statistics };
    }
    case "remove-statistics":
    case "remove-partition-statistics":
      return { action, "snapshot-id": long(members, "snapshot-id") };
    case "add-encryption-key":
    case "remove-encryption-key":
      throw new WaybillError("unimplemented", `The update "${action}" is of format version 3.`);
    default:
      throw wrong(`"${action}" is no update`);
  }
}

function parseSnapshot(members: Members): Snapshot {
  const parent = members["parent-snapshot-id"] ?? undefined;
  const schema = members["schema-id"] ?? undefined;
  return {
    "snapshot-id": long(members, "snapshot-id"),
    ...(parent === undefined ? {} : { "parent-snapshot-id": long(members, "parent-snapshot-id") }),
    "sequence-number": long(members, "sequence-number"),
    "timestamp-ms": integer(members, "timestamp-ms"),
    "manifest-list": text(members, "manifest-list"),
    summary: parseTexts(members["summary"], "summary"),
    ...(schema === undefined ? {} : { "schema-id": integer(members, "schema-id") }),
  };
}

function parseRef(members: Members): SnapshotRef {
  const type = text(members, "type");
  if (type !== "tag" && type !== "branch") throw wrong(`"${type}" is neither a tag nor a branch`);
  const keys = ["min-snapshots-to-keep", "max-snapshot-age-ms", "max-ref-age-ms"] as const;
  const limits = keys
    .filter((key) => (members[key] ?? undefined) !== undefined)
    .map((key) => [key, integer(members, key)]);
  return { type, "snapshot-id": long(members, "snapshot-id"), ...Object.fromEntries(limits) };
}

function object(json: ExactJson | undefined, what: string): Members {
  return objectOf(json, () => wrong(`the ${what} is no object`));
}

function list(json: ExactJson | undefined, what: string): readonly ExactJson[] {
  if (!isArray(json)) throw wrong(`"${what}" is no list`);
  return json;
}

function text(members: Members, key: string): string {
  const value = members[key];
  if (typeof value !== "string") throw wrong(`"${key}" is no text`);
  return value;
}

function integer(members: Members, key: string): number {
  const value = members[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw wrong(`"${key}" is no integer`);
  return value;
}

function integers(members: Members, key: string): readonly number[] {
  return list(members[key], key).map((value) => integer({ [key]: value }, key));
}

function long(members: Members, key: string): bigint {
  return longOf(members[key], key);
}

function longOf(value: ExactJson | undefined, key: string): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw wrong(`"${key}" is no integer`);
}

function wrong(why: string): WaybillError {
  return new WaybillError("invalid_argument", `The request is malformed: ${why}.`);
}
