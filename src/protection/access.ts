import { WaybillError } from "../foundation/index.ts";

/**
 * What a route or an RPC lets its caller do. `public` is for what anyone may ask (health, sign-in pages);
 * `administer` is for what changes others' access or destroys for good (tokens, collection, erasure).
 */
export const ACTIONS = ["public", "read", "write", "administer"] as const;
export type Action = (typeof ACTIONS)[number];

/** What a token's holder is. Each role may do what the one before it may, and more. */
export const ROLES = ["viewer", "editor", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** The kinds of things that access is decided on, each the business of one part. */
export const RESOURCE_KINDS = [
  "server",
  "metadata",
  "lake",
  "lfs",
  "dvc",
  "statistics",
  "schema",
  "warehouse",
  "features",
  "lineage",
  "runs",
] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** One thing that access is decided on; without a name all things of its kind. */
export interface Resource {
  readonly kind: ResourceKind;
  /** As its part names it, for example `owner/repository` or a table's full name. */
  readonly name?: string;
}

/** Who asks, as found out once at the edge. */
export interface Caller {
  /** The token's name, or `local` for this machine's user before any token exists. */
  readonly principal: string;
  readonly roles: readonly Role[];
  /** The project the server serves. */
  readonly project: string;
  /** When present, only these: `lfs`, `lfs:team/data`, or with a final star, `lfs:team/*`. */
  readonly scopes?: readonly string[];
}

const ALLOWED: Readonly<Record<Role, readonly Action[]>> = {
  viewer: ["public", "read"],
  editor: ["public", "read", "write"],
  admin: ["public", "read", "write", "administer"],
};

/** Whether the caller may do this; {@link authorize} is the form that throws. */
export function isAllowed(caller: Caller, action: Action, resource: Resource): boolean {
  if (action === "public") return true;
  const inScope = caller.scopes?.some((scope) => covers(scope, resource)) ?? true;
  return inScope && caller.roles.some((role) => ALLOWED[role].includes(action));
}

/**
 * Lets the caller pass or stops them. The one place where access is decided.
 * @throws WaybillError `permission_denied`
 */
export function authorize(caller: Caller, action: Action, resource: Resource): void {
  if (isAllowed(caller, action, resource)) return;
  throw new WaybillError(
    "permission_denied",
    `"${caller.principal}" may not ${action} ${nameOf(resource)}.`,
    { hint: "Ask an administrator for a token with a role and a scope that allow it." },
  );
}

/**
 * A scope as it may be given to a token.
 * @throws WaybillError `invalid_argument`
 */
export function parseScope(text: string): string {
  const [kind = "", ...rest] = text.split(":");
  const isKnown = RESOURCE_KINDS.some((known) => known === kind);
  if (isKnown && (rest.length === 0 || rest.join(":") !== "")) return text;
  throw new WaybillError("invalid_argument", `${JSON.stringify(text)} is not a scope.`, {
    hint: `A scope is KIND or KIND:NAME, where a final * matches any rest; kinds: ${RESOURCE_KINDS.join(", ")}.`,
  });
}

function covers(scope: string, resource: Resource): boolean {
  if (scope === resource.kind) return true;
  const name = `${resource.kind}:${resource.name ?? ""}`;
  return scope.endsWith("*") ? name.startsWith(scope.slice(0, -1)) : name === scope;
}

function nameOf({ kind, name }: Resource): string {
  return name === undefined ? kind : `${kind} "${name}"`;
}
