import { WaybillError } from "../foundation/index.ts";
import type { ExactJson } from "./formats/exact-json.ts";
import {
  NO_SNAPSHOT,
  type PartitionField,
  type PartitionSpec,
  type Snapshot,
  type SnapshotRef,
  type SortField,
  type SortOrder,
  snapshotWithId,
  type TableMetadata,
} from "./formats/table-metadata.ts";
import { fieldIdsOf, greatestFieldId, type TableSchema } from "./formats/table-schema.ts";
import type { NewPartitionSpec, TableUpdate } from "./table-update.ts";
import { parseTransform } from "./transforms.ts";

/** The first id of a partition field. */
const FIRST_PARTITION_ID = 1000;

/**
 * The metadata after some updates, in their order.
 * @throws `invalid_argument` for an update that does not fit the table, `unimplemented` for version 3
 */
export function applyUpdates(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  nowMs: number,
): TableMetadata {
  const draft = new Draft(metadata, nowMs);
  for (const update of updates) draft.apply(update);
  return draft.metadata;
}

/** Metadata in the making, with what "last added" means. */
class Draft {
  metadata: TableMetadata;
  readonly #nowMs: number;
  readonly #addedSnapshots = new Set<bigint>();
  #lastSchema: number | undefined;
  #lastSpec: number | undefined;
  #lastOrder: number | undefined;

  constructor(metadata: TableMetadata, nowMs: number) {
    this.metadata = metadata;
    this.#nowMs = Math.max(nowMs, metadata["last-updated-ms"] + 1);
  }

  apply(update: TableUpdate): void {
    switch (update.action) {
      case "assign-uuid":
        this.#set({ "table-uuid": update.uuid });
        break;
      case "upgrade-format-version":
        checkVersion(update["format-version"]);
        break;
      case "add-schema":
        this.#addSchema(update.schema, update["last-column-id"]);
        break;
      case "set-current-schema":
        this.#setCurrentSchema(update["schema-id"]);
        break;
      case "add-spec":
        this.#addSpec(update.spec);
        break;
      case "set-default-spec":
        this.#setDefaultSpec(update["spec-id"]);
        break;
      case "add-sort-order":
        this.#addSortOrder(update["sort-order"]);
        break;
      case "set-default-sort-order":
        this.#setDefaultOrder(update["sort-order-id"]);
        break;
      case "set-location":
        this.#set({ location: update.location });
        break;
      case "set-properties":
        this.#set({ properties: { ...this.metadata.properties, ...update.updates } });
        break;
      case "remove-properties":
        this.#removeProperties(update.removals);
        break;
      case "add-snapshot":
        this.#addSnapshot(update.snapshot);
        break;
      case "set-snapshot-ref": {
        const { action: _action, "ref-name": name, ...ref } = update;
        this.#setRef(name, ref);
        break;
      }
      case "remove-snapshot-ref":
        this.#removeRef(update["ref-name"]);
        break;
      case "remove-snapshots":
        this.#removeSnapshots(new Set(update["snapshot-ids"]));
        break;
      case "remove-schemas":
        this.#removeSchemas(new Set(update["schema-ids"]));
        break;
      case "remove-partition-specs":
        this.#removeSpecs(new Set(update["spec-ids"]));
        break;
      case "set-statistics":
      case "remove-statistics":
        this.#setStatistics("statistics", update);
        break;
      case "set-partition-statistics":
      case "remove-partition-statistics":
        this.#setStatistics("partition-statistics", update);
        break;
      default:
        update satisfies never;
    }
  }

  #set(change: Partial<TableMetadata>): void {
    this.metadata = { ...this.metadata, ...change };
  }

  #addSchema(schema: TableSchema, lastColumnId: number | undefined): void {
    const { schemas } = this.metadata;
    const wanted = schemaKey(schema);
    const same = schemas.find((existing) => schemaKey(existing) === wanted);
    const id = same?.["schema-id"] ?? Math.max(-1, ...schemas.map((s) => s["schema-id"])) + 1;
    this.#lastSchema = id;
    const last = Math.max(
      this.metadata["last-column-id"],
      greatestFieldId(schema),
      lastColumnId ?? 0,
    );
    this.#set({
      "last-column-id": last,
      schemas: same === undefined ? [...schemas, { ...schema, "schema-id": id }] : schemas,
    });
  }

  #setCurrentSchema(given: number): void {
    const id = given === -1 ? lastAdded(this.#lastSchema, "schema") : given;
    if (!this.metadata.schemas.some((schema) => schema["schema-id"] === id)) {
      throw invalid(`There is no schema ${id}.`);
    }
    this.#set({ "current-schema-id": id });
    // What the table is cut and sorted by must still be there.
    const spec = this.metadata["partition-specs"].find(
      (spec) => spec["spec-id"] === this.metadata["default-spec-id"],
    );
    if (spec !== undefined) checkSpec(this.metadata, spec);
    const order = this.metadata["sort-orders"].find(
      (order) => order["order-id"] === this.metadata["default-sort-order-id"],
    );
    for (const field of order?.fields ?? []) checkSource(this.metadata, field, "sort");
  }

  #addSpec(spec: NewPartitionSpec): void {
    const specs = this.metadata["partition-specs"];
    let last = Math.max(this.metadata["last-partition-id"], FIRST_PARTITION_ID - 1);
    const names = new Set<string>();
    const known = specs.flatMap(({ fields }) => fields);
    const fields = spec.fields.map((field): PartitionField => {
      if (names.has(field.name))
        throw invalid(`The partition field "${field.name}" is there twice.`);
      names.add(field.name);
      // A field that the table once had keeps its id, so that its old files are still told apart.
      const before = known.find(
        (other) => other["source-id"] === field["source-id"] && other.transform === field.transform,
      );
      const id = field["field-id"] ?? before?.["field-id"] ?? last + 1;
      last = Math.max(last, id);
      return {
        "source-id": field["source-id"],
        "field-id": id,
        name: field.name,
        transform: field.transform,
      };
    });
    const wanted = JSON.stringify(fields);
    const same = specs.find((existing) => JSON.stringify(existing.fields) === wanted);
    const id = same?.["spec-id"] ?? Math.max(-1, ...specs.map((s) => s["spec-id"])) + 1;
    checkSpec(this.metadata, { "spec-id": id, fields });
    this.#lastSpec = id;
    this.#set({
      "last-partition-id": last,
      "partition-specs": same === undefined ? [...specs, { "spec-id": id, fields }] : specs,
    });
  }

  #setDefaultSpec(given: number): void {
    const id = given === -1 ? lastAdded(this.#lastSpec, "partition spec") : given;
    if (!this.metadata["partition-specs"].some((spec) => spec["spec-id"] === id)) {
      throw invalid(`There is no partition spec ${id}.`);
    }
    this.#set({ "default-spec-id": id });
  }

  #addSortOrder(order: SortOrder): void {
    const orders = this.metadata["sort-orders"];
    for (const field of order.fields) checkSource(this.metadata, field, "sort");
    const wanted = JSON.stringify(order.fields);
    const same = orders.find((existing) => JSON.stringify(existing.fields) === wanted);
    const greatest = Math.max(0, ...orders.map((other) => other["order-id"]));
    // Order 0 is the one that sorts by nothing.
    const id = order.fields.length === 0 ? 0 : (same?.["order-id"] ?? greatest + 1);
    this.#lastOrder = id;
    const isKnown = orders.some((other) => other["order-id"] === id);
    if (!isKnown)
      this.#set({ "sort-orders": [...orders, { "order-id": id, fields: order.fields }] });
  }

  #setDefaultOrder(given: number): void {
    const id = given === -1 ? lastAdded(this.#lastOrder, "sort order") : given;
    if (!this.metadata["sort-orders"].some((order) => order["order-id"] === id)) {
      throw invalid(`There is no sort order ${id}.`);
    }
    this.#set({ "default-sort-order-id": id });
  }

  #removeProperties(removals: readonly string[]): void {
    const kept = Object.entries(this.metadata.properties).filter(
      ([key]) => !removals.includes(key),
    );
    this.#set({ properties: Object.fromEntries(kept) });
  }

  #addSnapshot(snapshot: Snapshot): void {
    const id = snapshot["snapshot-id"];
    if (snapshotWithId(this.metadata, id) !== undefined) {
      throw invalid(`There is a snapshot ${id} already.`);
    }
    const last = this.metadata["last-sequence-number"];
    if (snapshot["sequence-number"] <= last && snapshot["parent-snapshot-id"] !== undefined) {
      throw invalid(
        `The snapshot's sequence number ${snapshot["sequence-number"]} is not above ${last}.`,
      );
    }
    this.#addedSnapshots.add(id);
    if (snapshot["sequence-number"] > last) {
      this.#set({ "last-sequence-number": snapshot["sequence-number"] });
    }
    this.#set({
      "last-updated-ms": Math.max(snapshot["timestamp-ms"], this.metadata["last-updated-ms"]),
      snapshots: [...this.metadata.snapshots, snapshot],
    });
  }

  #setRef(name: string, ref: SnapshotRef): void {
    const id = ref["snapshot-id"];
    const snapshot = snapshotWithId(this.metadata, id);
    if (snapshot === undefined)
      throw invalid(`The ref "${name}" is to the unknown snapshot ${id}.`);
    if (name === "main" && ref.type === "tag") throw invalid('"main" is a branch, not a tag.');
    this.#set({ refs: { ...this.metadata.refs, [name]: ref } });
    if (name !== "main" || this.metadata["current-snapshot-id"] === id) return;
    // Readers find the state at a time by this log: a snapshot that becomes current again does so now.
    const isNew = this.#addedSnapshots.has(id);
    const timestampMs = isNew ? snapshot["timestamp-ms"] : this.#nowMs;
    // A snapshot that was current only inside of this commit was never seen.
    const log = this.metadata["snapshot-log"].filter(
      (entry, index, all) =>
        index < all.length - 1 || !isNew || !this.#addedSnapshots.has(entry["snapshot-id"]),
    );
    this.#set({
      "current-snapshot-id": id,
      "last-updated-ms": Math.max(timestampMs, this.metadata["last-updated-ms"]),
      "snapshot-log": [...log, { "snapshot-id": id, "timestamp-ms": timestampMs }],
    });
  }

  #removeRef(name: string): void {
    const { [name]: _removed, ...refs } = this.metadata.refs;
    this.#set({ refs });
    if (name === "main") this.#set({ "current-snapshot-id": NO_SNAPSHOT });
  }

  #removeSnapshots(ids: ReadonlySet<bigint>): void {
    for (const [name, ref] of Object.entries(this.metadata.refs)) {
      if (ids.has(ref["snapshot-id"])) this.#removeRef(name);
    }
    let log: (typeof this.metadata)["snapshot-log"][number][] = [];
    for (const entry of this.metadata["snapshot-log"]) {
      // Before a hole in the log nothing can be said of a time.
      if (ids.has(entry["snapshot-id"])) log = [];
      else log.push(entry);
    }
    this.#set({
      snapshots: this.metadata.snapshots.filter(({ "snapshot-id": id }) => !ids.has(id)),
      "snapshot-log": log,
    });
    for (const id of ids) {
      for (const kind of ["statistics", "partition-statistics"] as const) {
        this.#setStatistics(kind, { "snapshot-id": id });
      }
    }
  }

  #removeSchemas(ids: ReadonlySet<number>): void {
    if (ids.has(this.metadata["current-schema-id"])) {
      throw invalid("The current schema cannot be removed.");
    }
    this.#set({
      schemas: this.metadata.schemas.filter((schema) => !ids.has(schema["schema-id"])),
    });
  }

  #removeSpecs(ids: ReadonlySet<number>): void {
    if (ids.has(this.metadata["default-spec-id"])) {
      throw invalid("The default partition spec cannot be removed.");
    }
    const specs = this.metadata["partition-specs"];
    this.#set({ "partition-specs": specs.filter((spec) => !ids.has(spec["spec-id"])) });
  }

  /** Statistics files of other engines are listed in the metadata, one for each snapshot. */
  #setStatistics(
    kind: "statistics" | "partition-statistics",
    change: { readonly "snapshot-id": bigint; readonly statistics?: ExactJson },
  ): void {
    const { rest } = this.metadata;
    const listed = rest[kind];
    const before: readonly ExactJson[] = Array.isArray(listed) ? listed : [];
    const others = before.filter((entry) => snapshotOf(entry) !== change["snapshot-id"]);
    const after = change.statistics === undefined ? others : [...others, change.statistics];
    if (before.length === 0 && after.length === 0) return;
    this.#set({ rest: { ...rest, [kind]: after } });
  }
}

function snapshotOf(entry: ExactJson): bigint | undefined {
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return undefined;
  // What is neither a primitive nor an array is an object of JSON.
  const id = (entry as { readonly [key: string]: ExactJson })["snapshot-id"];
  return typeof id === "bigint" ? id : undefined;
}

/** A schema as text, equal for equal schemas whatever their ids. */
function schemaKey({ fields, "identifier-field-ids": identifiers = [] }: TableSchema): string {
  return JSON.stringify([fields, identifiers]);
}

function checkVersion(version: number): void {
  if (version === 2) return;
  if (version < 2) throw invalid("A table's format version cannot be lowered from 2.");
  throw new WaybillError("unimplemented", `Format version ${version} is not supported.`, {
    hint: "Waybill reads and writes Iceberg format version 2.",
  });
}

function checkSpec(metadata: TableMetadata, spec: PartitionSpec): void {
  for (const field of spec.fields) {
    const { kind } = parseTransform(field.transform);
    if (kind !== "void") checkSource(metadata, field, "partition");
  }
}

function checkSource(
  metadata: TableMetadata,
  field: PartitionField | SortField,
  what: "partition" | "sort",
): void {
  // Of several updates the one that makes a schema the current one may come last.
  const current = metadata.schemas.find((s) => s["schema-id"] === metadata["current-schema-id"]);
  const schemas = current === undefined ? metadata.schemas : [current];
  if (schemas.some((schema) => fieldIdsOf(schema).has(field["source-id"]))) return;
  const name = "name" in field ? ` "${field.name}"` : "";
  throw invalid(
    `The ${what} field${name} is of the column ${field["source-id"]}, which the schema has not.`,
  );
}

function lastAdded(id: number | undefined, what: string): number {
  if (id === undefined) throw invalid(`No ${what} was added in this commit.`);
  return id;
}

function invalid(message: string): WaybillError {
  return new WaybillError("invalid_argument", message);
}
