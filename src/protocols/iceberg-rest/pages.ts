import { badRequest } from "./errors.ts";

/** A part of a list, and the token by which the next part is asked for. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly "next-page-token": string | undefined;
}

/**
 * The page of a sorted list that a query asks for; the whole list when it asks for none. A token holds
 * the last key of the page before, so that what comes and goes between two pages moves nothing.
 */
export function pageOf<T>(
  sorted: readonly T[],
  query: URLSearchParams,
  keyOf: (item: T) => string,
): Page<T> {
  const size = query.get("pageSize");
  if (size === null) return { items: sorted, "next-page-token": undefined };
  const count = Number(size);
  if (!Number.isInteger(count) || count < 1) throw badRequest(`"${size}" is no page size.`);
  const token = query.get("pageToken") ?? "";
  const after = Buffer.from(token, "base64url").toString("utf8");
  const rest = token === "" ? sorted : sorted.filter((item) => keyOf(item) > after);
  const items = rest.slice(0, count);
  const last = items.at(-1);
  const isLast = last === undefined || rest.length <= count;
  return {
    items,
    "next-page-token": isLast ? undefined : Buffer.from(keyOf(last)).toString("base64url"),
  };
}
