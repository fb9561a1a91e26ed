import { authorize } from "../../protection/index.ts";
import type { RouteRequest, RouteResponse } from "../../server/index.ts";
import {
  type CatalogTable,
  catalogJson,
  type ExactJson,
  type TableIdentifier,
} from "../../warehouse/index.ts";
import { badRequest } from "./errors.ts";

const LEVEL_SEPARATOR = "\u001f";

/** The levels of a namespace in a path or query. */
export function levelsOf(namespace: string): readonly string[] {
  return namespace.split(LEVEL_SEPARATOR);
}

/** The table that a path names. */
export function identifierOf(params: {
  readonly namespace: string;
  readonly table: string;
}): TableIdentifier {
  return { namespace: levelsOf(params.namespace), name: params.table };
}

/** A table's name as access and heads know it. */
export function fullName({ namespace, name }: TableIdentifier): string {
  return [...namespace, name].join(".");
}

/** Asks for more than the route does: for a table that the body names. */
export function mayWrite(request: RouteRequest, identifier: TableIdentifier): void {
  authorize(request.caller, "write", { kind: "warehouse", name: fullName(identifier) });
}

/** The members of a JSON body, with 64-bit integers exact. */
export async function membersOf(
  request: RouteRequest,
): Promise<Readonly<Record<string, ExactJson>>> {
  const text = (await request.bytes()).toString("utf8");
  let json: ExactJson;
  try {
    json = catalogJson.parse(text, "The body");
  } catch (cause) {
    throw badRequest("The body is no JSON.", cause);
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw badRequest("The body is no JSON object.");
  }
  // What is neither a primitive nor an array is an object of JSON.
  return json as Readonly<Record<string, ExactJson>>;
}

/** A JSON answer with 64-bit integers exact. */
export function exactResponse(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): RouteResponse {
  return {
    status: 200,
    headers: { "content-type": "application/json", ...headers },
    body: catalogJson.print(value),
  };
}

/** The answer that a thing is there, or was done. */
export const NO_CONTENT: RouteResponse = { status: 204 };

/** A table as a client loads it. */
export function tableJson(table: CatalogTable): Readonly<Record<string, unknown>> {
  return {
    "metadata-location": table.metadataUri,
    metadata: catalogJson.metadata(table.metadata),
    config: {},
  };
}

/** A table or view that a body names. @throws CatalogError 400 */
export function identifierIn(json: ExactJson | undefined): TableIdentifier {
  if (json === null || json === undefined || typeof json !== "object" || Array.isArray(json)) {
    throw badRequest("A table's identifier is no object.");
  }
  // What is neither a primitive nor an array is an object of JSON.
  const members = json as Readonly<Record<string, ExactJson>>;
  return {
    namespace: catalogJson.textList(members["namespace"], "namespace"),
    name: nameIn(members),
  };
}

/** The name that a body gives. @throws CatalogError 400 */
export function nameIn(members: Readonly<Record<string, ExactJson>>): string {
  const { name } = members;
  if (typeof name !== "string") throw badRequest('"name" is no text.');
  return name;
}
