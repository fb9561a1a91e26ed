import { randomUUID } from "node:crypto";
import { WaybillError } from "../foundation/index.ts";
import { type ExactJson, parseExactJson } from "./formats/exact-json.ts";
import { isArray, objectOf, parseTableSchema, type TableSchema } from "./formats/table-schema.ts";
import { parseTextList, parseTexts } from "./formats/update-json.ts";

/**
 * The metadata of a view, with the members' names as they lie on disk.
 * Source: Apache Iceberg view specification, version 1.
 */
export interface ViewMetadata {
  readonly "view-uuid": string;
  readonly "format-version": 1;
  readonly location: string;
  readonly schemas: readonly TableSchema[];
  readonly "current-version-id": number;
  readonly versions: readonly ViewVersion[];
  readonly "version-log": readonly {
    readonly "version-id": number;
    readonly "timestamp-ms": number;
  }[];
  readonly properties: Readonly<Record<string, string>>;
}

/** What a view is at one time: its SQL in one or more dialects, and what names in it mean. */
export interface ViewVersion {
  readonly "version-id": number;
  readonly "schema-id": number;
  readonly "timestamp-ms": number;
  readonly summary: Readonly<Record<string, string>>;
  readonly representations: readonly ViewRepresentation[];
  readonly "default-catalog"?: string;
  readonly "default-namespace": readonly string[];
}

/** The query of a view in one dialect. */
export interface ViewRepresentation {
  readonly type: "sql";
  readonly sql: string;
  readonly dialect: string;
}

/** A change of a view. Source: Apache Iceberg REST catalog specification, "ViewUpdate". */
export type ViewUpdate =
  | { readonly action: "assign-uuid"; readonly uuid: string }
  | { readonly action: "upgrade-format-version"; readonly "format-version": number }
  | { readonly action: "add-schema"; readonly schema: TableSchema }
  | { readonly action: "set-location"; readonly location: string }
  | { readonly action: "set-properties"; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: "remove-properties"; readonly removals: readonly string[] }
  | { readonly action: "add-view-version"; readonly version: ViewVersion }
  | { readonly action: "set-current-view-version"; readonly id: number };

type Members = Readonly<Record<string, ExactJson>>;

/** A view without a version yet. */
export function newView(
  location: string,
  properties: Readonly<Record<string, string>>,
): ViewMetadata {
  return {
    "view-uuid": randomUUID(),
    "format-version": 1,
    location,
    schemas: [],
    "current-version-id": -1,
    versions: [],
    "version-log": [],
    properties,
  };
}

/** The metadata of a view after some updates. @throws `invalid_argument`, `unimplemented` */
export function applyViewUpdates(
  metadata: ViewMetadata,
  updates: readonly ViewUpdate[],
  nowMs: number,
): ViewMetadata {
  let lastSchema: number | undefined;
  let lastVersion: number | undefined;
  let view = metadata;
  for (const update of updates) {
    switch (update.action) {
      case "assign-uuid":
        view = { ...view, "view-uuid": update.uuid };
        break;
      case "upgrade-format-version":
        if (update["format-version"] === 1) break;
        throw new WaybillError("unimplemented", "Views have format version 1 here.");
      case "set-location":
        view = { ...view, location: update.location };
        break;
      case "set-properties":
        view = { ...view, properties: { ...view.properties, ...update.updates } };
        break;
      case "remove-properties": {
        const kept = Object.entries(view.properties).filter(
          ([key]) => !update.removals.includes(key),
        );
        view = { ...view, properties: Object.fromEntries(kept) };
        break;
      }
      case "add-schema": {
        const key = JSON.stringify(update.schema.fields);
        const same = view.schemas.find((schema) => JSON.stringify(schema.fields) === key);
        lastSchema =
          same?.["schema-id"] ?? Math.max(-1, ...view.schemas.map((s) => s["schema-id"])) + 1;
        if (same !== undefined) break;
        view = {
          ...view,
          schemas: [...view.schemas, { ...update.schema, "schema-id": lastSchema }],
        };
        break;
      }
      case "add-view-version": {
        const given = update.version["schema-id"];
        const schemaId = given === -1 ? (lastSchema ?? -1) : given;
        if (!view.schemas.some((schema) => schema["schema-id"] === schemaId)) {
          throw invalid(`There is no schema ${schemaId}`);
        }
        const id = Math.max(0, ...view.versions.map((version) => version["version-id"])) + 1;
        lastVersion = id;
        const version = { ...update.version, "version-id": id, "schema-id": schemaId };
        view = { ...view, versions: [...view.versions, version] };
        break;
      }
      case "set-current-view-version": {
        const id = update.id === -1 ? (lastVersion ?? -1) : update.id;
        if (!view.versions.some((version) => version["version-id"] === id)) {
          throw invalid(`There is no version ${id}`);
        }
        const entry = { "version-id": id, "timestamp-ms": nowMs };
        view = {
          ...view,
          "current-version-id": id,
          "version-log": [...view["version-log"], entry],
        };
        break;
      }
      default:
        update satisfies never;
    }
  }
  return view;
}

/** Parses a view's metadata file. @throws `data_loss` naming it */
export function parseViewMetadata(text: string, where: string): ViewMetadata {
  try {
    const members = object(parseExactJson(text, where), "view");
    if (members["format-version"] !== 1) throw invalid("the format version is not 1");
    return {
      "view-uuid": textIn(members, "view-uuid"),
      "format-version": 1,
      location: textIn(members, "location"),
      schemas: list(members["schemas"], "schemas").map((schema) => parseTableSchema(schema, where)),
      "current-version-id": integerIn(members, "current-version-id"),
      versions: list(members["versions"], "versions").map(parseViewVersion),
      "version-log": list(members["version-log"], "version-log").map((entry) => {
        const logged = object(entry, "version-log");
        return {
          "version-id": integerIn(logged, "version-id"),
          "timestamp-ms": integerIn(logged, "timestamp-ms"),
        };
      }),
      properties: parseTexts(members["properties"], "properties"),
    };
  } catch (cause) {
    if (!(cause instanceof WaybillError)) throw cause;
    throw new WaybillError("data_loss", `The view metadata ${where} is damaged: ${cause.message}`, {
      cause,
    });
  }
}

/** Parses a version of a view. @throws `invalid_argument` */
export function parseViewVersion(json: ExactJson | undefined): ViewVersion {
  const members = object(json, "view version");
  const catalog = members["default-catalog"] ?? undefined;
  return {
    "version-id": integerIn(members, "version-id"),
    "schema-id": integerIn(members, "schema-id"),
    "timestamp-ms": integerIn(members, "timestamp-ms"),
    summary: parseTexts(members["summary"], "summary"),
    representations: list(members["representations"], "representations").map((entry) => {
      const representation = object(entry, "representation");
      if (representation["type"] !== "sql") throw invalid("A representation is not SQL");
      return {
        type: "sql",
        sql: textIn(representation, "sql"),
        dialect: textIn(representation, "dialect"),
      };
    }),
    ...(typeof catalog === "string" ? { "default-catalog": catalog } : {}),
    "default-namespace": parseTextList(members["default-namespace"], "default-namespace"),
  };
}

/** Parses the updates of a view. @throws `invalid_argument` */
export function parseViewUpdates(json: ExactJson | undefined): readonly ViewUpdate[] {
  return list(json, "updates").map((update): ViewUpdate => {
    const members = object(update, "update");
    const action = textIn(members, "action");
    switch (action) {
      case "assign-uuid":
        return { action, uuid: textIn(members, "uuid") };
      case "upgrade-format-version":
        return { action, "format-version": integerIn(members, "format-version") };
      case "add-schema":
        return {
          action,
          schema: parseTableSchema(members["schema"], "The schema", "invalid_argument"),
        };
      case "set-location":
        return { action, location: textIn(members, "location") };
      case "set-properties":
        return { action, updates: parseTexts(members["updates"], "updates") };
      case "remove-properties":
        return { action, removals: parseTextList(members["removals"], "removals") };
      case "add-view-version":
        return { action, version: parseViewVersion(members["view-version"]) };
      case "set-current-view-version":
        return { action, id: integerIn(members, "view-version-id") };
      default:
        throw invalid(`"${action}" is no update of a view`);
    }
  });
}

/** The uuids that a change of a view takes for granted. @throws `invalid_argument` */
export function parseViewRequirements(json: ExactJson | undefined): readonly string[] {
  return list(json ?? [], "requirements").map((requirement) => {
    const members = object(requirement, "requirement");
    if (members["type"] !== "assert-view-uuid") throw invalid("An unknown requirement of a view");
    return textIn(members, "uuid");
  });
}

function object(json: ExactJson | undefined, what: string): Members {
  return objectOf(json, () => invalid(`the ${what} is no object`));
}

function list(json: ExactJson | undefined, what: string): readonly ExactJson[] {
  if (!isArray(json)) throw invalid(`"${what}" is no list`);
  return json;
}

function textIn(members: Members, key: string): string {
  const value = members[key];
  if (typeof value !== "string") throw invalid(`"${key}" is no text`);
  return value;
}

function integerIn(members: Members, key: string): number {
  const value = members[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw invalid(`"${key}" is no integer`);
  }
  return value;
}

function invalid(why: string): WaybillError {
  return new WaybillError("invalid_argument", `${why}.`);
}
