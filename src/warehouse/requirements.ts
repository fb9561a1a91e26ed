import { WaybillError } from "../foundation/index.ts";
import type { TableMetadata } from "./formats/table-metadata.ts";

/**
 * What a commit takes for granted of the table that it changes.
 * Source: Apache Iceberg REST catalog specification, "TableRequirement".
 */
export type TableRequirement =
  | { readonly type: "assert-create" }
  | { readonly type: "assert-table-uuid"; readonly uuid: string }
  | {
      readonly type: "assert-ref-snapshot-id";
      readonly ref: string;
      /** Undefined when the ref must not be there. */
      readonly "snapshot-id": bigint | undefined;
    }
  | {
      readonly type:
        | "assert-last-assigned-field-id"
        | "assert-current-schema-id"
        | "assert-last-assigned-partition-id"
        | "assert-default-spec-id"
        | "assert-default-sort-order-id";
      readonly expected: number;
    };

/**
 * Checks what a commit takes for granted.
 * @param metadata undefined when there is no such table
 * @throws `aborted` for what is not so: somebody else committed before
 */
export function checkRequirements(
  metadata: TableMetadata | undefined,
  requirements: readonly TableRequirement[],
): void {
  for (const requirement of requirements) {
    const why = violation(metadata, requirement);
    if (why === undefined) continue;
    throw new WaybillError("aborted", `Requirement failed: ${why}.`, {
      hint: "Load the table again and repeat the change on what is there now.",
    });
  }
}

function violation(
  metadata: TableMetadata | undefined,
  requirement: TableRequirement,
): string | undefined {
  if (requirement.type === "assert-create") {
    return metadata === undefined ? undefined : "the table exists already";
  }
  if (metadata === undefined) return "the table does not exist";
  switch (requirement.type) {
    case "assert-table-uuid":
      return differs("the uuid", metadata["table-uuid"], requirement.uuid);
    case "assert-ref-snapshot-id": {
      const found = metadata.refs[requirement.ref]?.["snapshot-id"];
      return differs(`the ref "${requirement.ref}"`, found, requirement["snapshot-id"]);
    }
    case "assert-last-assigned-field-id":
      return differs("the last field id", metadata["last-column-id"], requirement.expected);
    case "assert-current-schema-id":
      return differs("the current schema", metadata["current-schema-id"], requirement.expected);
    case "assert-last-assigned-partition-id":
      return differs("the last partition id", metadata["last-partition-id"], requirement.expected);
    case "assert-default-spec-id":
      return differs("the default spec", metadata["default-spec-id"], requirement.expected);
    case "assert-default-sort-order-id":
      return differs(
        "the default sort order",
        metadata["default-sort-order-id"],
        requirement.expected,
      );
    default:
      return requirement satisfies never;
  }
}

function differs<T>(what: string, found: T, expected: T): string | undefined {
  if (found === expected) return undefined;
  return `${what} is ${found ?? "not there"}, and ${expected ?? "nothing"} was expected`;
}
