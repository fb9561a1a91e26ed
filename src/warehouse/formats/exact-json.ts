import { WaybillError } from "../../foundation/index.ts";

/** JSON whose large integers are exact. */
export type ExactJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** Members that are int64 in Iceberg: bigint however small they are, so that they have one type. */
const INT64_MEMBERS = new Set([
  "snapshot-id",
  "parent-snapshot-id",
  "current-snapshot-id",
  "source-snapshot-id",
  "sequence-number",
  "last-sequence-number",
]);

/**
 * Parses JSON without rounding: members that Iceberg has as int64, and every integer beyond 2^53,
 * become bigint. Snapshot ids are 63-bit, and a plain JSON.parse changes them silently.
 * @throws `data_loss` naming `where` for text that is no JSON
 */
export function parseExactJson(text: string, where: string): ExactJson {
  try {
    return JSON.parse(text, (key, value, context?: { readonly source?: string }) => {
      if (typeof value !== "number" || context?.source === undefined) return value;
      if (!/^-?\d+$/.test(context.source)) return value;
      return INT64_MEMBERS.has(key) || !Number.isSafeInteger(value)
        ? BigInt(context.source)
        : value;
    }) as ExactJson;
  } catch (cause) {
    throw new WaybillError("data_loss", `${where} is no JSON: it is damaged or cut short.`, {
      cause,
    });
  }
}

/** Prints JSON with every bigint as the integer that it is. */
export function printExactJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "bigint" ? rawJson(member.toString()) : member,
  );
}

/** `JSON.rawJSON`, which Node has and the compiler's library does not know yet. */
const rawJson: (text: string) => unknown = (JSON as unknown as { rawJSON(text: string): unknown })
  .rawJSON;
