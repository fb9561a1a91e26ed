import { create } from "@bufbuild/protobuf";
import {
  type Association,
  type Attribution,
  type Context,
  type Event,
  Event_Path_StepSchema,
  Event_PathSchema,
  Event_Type,
  EventSchema,
  type ParentContext,
  ParentContextSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { ReadTransaction, WriteTransaction } from "../../database/index.ts";
import { WaybillError } from "../../foundation/index.ts";
import { artifactKind, contextKind, executionKind, type KindTables } from "./kinds.ts";
import { loadNodes, type NodeRow, selectNodes } from "./read-nodes.ts";
import { distinct, setParts } from "./sets.ts";
import { describe, has, refuse } from "./text.ts";

type EventRow = {
  readonly id: bigint;
  readonly artifact_id: bigint;
  readonly execution_id: bigint;
  readonly type: bigint;
  readonly milliseconds_since_epoch: bigint | null;
};

/** Inserts an event between two nodes that the caller knows to exist. */
export async function insertEvent(
  tx: WriteTransaction,
  event: Event,
  ends: { readonly artifactId: bigint; readonly executionId: bigint },
  nowMs: bigint,
): Promise<void> {
  assertHasType(event);
  let id: bigint;
  try {
    id = await tx.insert(
      `INSERT INTO Event (artifact_id, execution_id, type, milliseconds_since_epoch)
       VALUES (?, ?, ?, ?)`,
      [
        ends.artifactId,
        ends.executionId,
        BigInt(event.type),
        has(event, "millisecondsSinceEpoch") ? event.millisecondsSinceEpoch : nowMs,
      ],
    );
  } catch (error) {
    if (!(error instanceof WaybillError) || error.code !== "already_exists") throw error;
    throw refuse(
      "already_exists",
      `Given event already exists: ${describe(EventSchema, event)}${error.message}`,
      error,
    );
  }
  await insertPath(tx, id, event);
}

function assertHasType(event: Event): void {
  if (event.type === Event_Type.UNKNOWN) {
    throw refuse("invalid_argument", "No event type is specified.");
  }
}

/** Adds the steps of an event's path to those that are stored. */
export async function insertPath(tx: WriteTransaction, id: bigint, event: Event): Promise<void> {
  for (const { value } of event.path?.steps ?? []) {
    await tx.run(
      "INSERT INTO EventPath (event_id, is_index_step, step_index, step_key) VALUES (?, ?, ?, ?)",
      value.case === "index" ? [id, 1n, value.value, null] : [id, 0n, null, value.value ?? ""],
    );
  }
}

/**
 * Inserts events between nodes that exist.
 * @throws `invalid_argument` when an end or the type is missing
 */
export async function putEvents(
  tx: WriteTransaction,
  events: readonly Event[],
  nowMs: bigint,
): Promise<void> {
  for (const event of events) {
    if (!has(event, "artifactId")) {
      throw refuse("invalid_argument", "No artifact id is specified.");
    }
    if (!has(event, "executionId")) {
      throw refuse("invalid_argument", "No execution id is specified.");
    }
    assertHasType(event);
    if (!(await exists(tx, artifactKind, event.artifactId))) {
      throw refuse("invalid_argument", `No artifact with the given id ${event.artifactId}`);
    }
    if (!(await exists(tx, executionKind, event.executionId))) {
      throw refuse("invalid_argument", `No execution with the given id ${event.executionId}`);
    }
    await insertEvent(tx, event, event, nowMs);
  }
}

/** Events of the nodes on one side, in the order in which they were written. */
export async function eventsOf(
  tx: ReadTransaction,
  side: "artifact_id" | "execution_id",
  ids: readonly bigint[],
  types?: readonly Event_Type[],
): Promise<Event[]> {
  const events = new Map<bigint, Event>();
  const ofTypes = types === undefined ? "" : ` AND type IN (${types.map((t) => t).join(", ")})`;
  for (const { marks, values } of setParts(distinct(ids))) {
    const rows = await tx.all<EventRow>(
      `SELECT id, artifact_id, execution_id, type, milliseconds_since_epoch
       FROM Event
       WHERE ${side} IN (${marks})${ofTypes}
       ORDER BY id`,
      values,
    );
    for (const row of rows) events.set(row.id, toEvent(row));
  }
  for (const { marks, values } of setParts([...events.keys()])) {
    const steps = await tx.all<{
      event_id: bigint;
      is_index_step: bigint;
      step_index: bigint | null;
      step_key: string | null;
    }>(
      `SELECT event_id, is_index_step, step_index, step_key
       FROM EventPath
       WHERE event_id IN (${marks})
       ORDER BY ${tx.dialect.insertionOrder}`,
      values,
    );
    for (const row of steps) {
      const event = events.get(row.event_id);
      if (event === undefined) continue;
      const step = create(Event_Path_StepSchema);
      step.value =
        row.is_index_step === 0n
          ? { case: "key", value: row.step_key ?? "" }
          : { case: "index", value: row.step_index ?? 0n };
      event.path ??= create(Event_PathSchema);
      event.path.steps.push(step);
    }
  }
  return [...events.values()];
}

function toEvent(row: EventRow): Event {
  const event = create(EventSchema);
  event.artifactId = row.artifact_id;
  event.executionId = row.execution_id;
  // The column holds the enum's own numbers.
  event.type = Number(row.type) as Event_Type;
  if (row.milliseconds_since_epoch !== null) {
    event.millisecondsSinceEpoch = row.milliseconds_since_epoch;
  }
  return event;
}

/** Puts an artifact in a context; doing so again is no error. Its ends are not looked at. */
export async function attribute(
  tx: WriteTransaction,
  contextId: bigint,
  artifactId: bigint,
): Promise<void> {
  await tx.run(tx.dialect.insertIfAbsent("Attribution", ["context_id", "artifact_id"]), [
    contextId,
    artifactId,
  ]);
}

/** Puts an execution in a context; doing so again is no error. Its ends are not looked at. */
export async function associate(
  tx: WriteTransaction,
  contextId: bigint,
  executionId: bigint,
): Promise<void> {
  await tx.run(tx.dialect.insertIfAbsent("Association", ["context_id", "execution_id"]), [
    contextId,
    executionId,
  ]);
}

/**
 * Puts artifacts and executions in contexts.
 * @throws `invalid_argument` when an end does not exist
 */
export async function putLinks(
  tx: WriteTransaction,
  attributions: readonly Attribution[],
  associations: readonly Association[],
): Promise<void> {
  for (const { contextId, artifactId } of attributions) {
    if (!(await exists(tx, contextKind, contextId))) {
      throw refuse("invalid_argument", "Context id not found.");
    }
    if (!(await exists(tx, artifactKind, artifactId))) {
      throw refuse("invalid_argument", "Artifact id not found.");
    }
    await attribute(tx, contextId, artifactId);
  }
  for (const { contextId, executionId } of associations) {
    if (!(await exists(tx, contextKind, contextId))) {
      throw refuse("invalid_argument", "Context id not found.");
    }
    if (!(await exists(tx, executionKind, executionId))) {
      throw refuse("invalid_argument", "Execution id not found.");
    }
    await associate(tx, contextId, executionId);
  }
}

/**
 * Makes contexts children of others.
 * @throws `invalid_argument` for an unknown id, a link to itself and a cycle
 * @throws `already_exists` for a link that is there
 */
export async function putParentContexts(
  tx: WriteTransaction,
  links: readonly ParentContext[],
): Promise<void> {
  for (const link of links) {
    const { childId, parentId } = link;
    if (!has(link, "childId") || !has(link, "parentId")) {
      throw refuse(
        "invalid_argument",
        `Missing parent / child id in the parent_context: ${describe(ParentContextSchema, link)}`,
      );
    }
    const isKnown =
      childId !== parentId &&
      (await exists(tx, contextKind, childId)) &&
      (await exists(tx, contextKind, parentId));
    if (!isKnown) {
      throw refuse(
        "invalid_argument",
        `Given parent / child id in the parent_context cannot be found: ${describe(ParentContextSchema, link)}`,
      );
    }
    if (await isAncestor(tx, childId, parentId)) {
      throw refuse("invalid_argument", "There is a cycle detected of the given relationship.");
    }
    try {
      await tx.run("INSERT INTO ParentContext (context_id, parent_context_id) VALUES (?, ?)", [
        childId,
        parentId,
      ]);
    } catch (error) {
      if (!(error instanceof WaybillError) || error.code !== "already_exists") throw error;
      throw refuse(
        "already_exists",
        `Given parent_context already exists: ${describe(ParentContextSchema, link)}${error.message}`,
        error,
      );
    }
  }
}

/** Whether `ancestor` is `id` or stands above it. */
async function isAncestor(tx: ReadTransaction, ancestor: bigint, id: bigint): Promise<boolean> {
  const found = await tx.get(
    `WITH RECURSIVE above (id) AS (
       SELECT parent_context_id FROM ParentContext WHERE context_id = ?
       UNION
       SELECT p.parent_context_id FROM ParentContext p JOIN above a ON p.context_id = a.id
     )
     SELECT id FROM above WHERE id = ?`,
    [id, ancestor],
  );
  return found !== undefined;
}

/** Contexts on the other end of links, with the id that each is linked to, by that id and their own. */
export async function linkedContexts(
  tx: ReadTransaction,
  link: {
    readonly table: "Attribution" | "Association" | "ParentContext";
    /** The column that holds the ids given. */
    readonly from: string;
    /** The column that holds the ids of the contexts wanted. */
    readonly to: string;
  },
  ids: readonly bigint[],
): Promise<{ readonly from: bigint; readonly context: Context }[]> {
  const found: { readonly from: bigint; readonly context: Context }[] = [];
  const select = selectNodes(contextKind).replace("SELECT", `SELECT l.${link.from} AS from_id,`);
  for (const { marks, values } of setParts(distinct(ids))) {
    const rows = await tx.all<NodeRow & { readonly from_id: bigint }>(
      `${select} JOIN ${link.table} l ON l.${link.to} = n.id
       WHERE l.${link.from} IN (${marks})
       ORDER BY l.${link.from}, n.id`,
      values,
    );
    const contexts = await loadNodes(tx, contextKind, rows);
    rows.forEach((row, index) => {
      const context = contexts[index];
      if (context) found.push({ from: row.from_id, context });
    });
  }
  return found;
}

/** Whether a node of this id is stored. */
export async function exists(tx: ReadTransaction, kind: KindTables, id: bigint): Promise<boolean> {
  return (await tx.get(`SELECT id FROM ${kind.table} WHERE id = ?`, [id])) !== undefined;
}
