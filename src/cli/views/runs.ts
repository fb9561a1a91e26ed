import {
  type Artifact,
  type Event,
  Event_Type,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { nearest, WaybillError } from "../../foundation/index.ts";
import type { MetadataStore } from "../../metadata/index.ts";
import type { Answer } from "../command.ts";
import { formatDuration, formatTime, toJsonText } from "../format.ts";
import { formatFields, formatTable } from "../table.ts";
import { durationOf, stateName } from "./executions.ts";

const RUN_TYPE = "pipeline_run";

/** The steps of a run, found by its name or a part of it that no other has. */
export async function showRun(store: MetadataStore, name: string): Promise<Answer> {
  const { contexts } = await store.getContextsByType({ typeName: RUN_TYPE });
  const exact = contexts.filter((context) => context.name === name);
  const ending = contexts.filter((context) => context.name.includes(name));
  const found = exact[0] ?? (ending.length === 1 ? ending[0] : undefined);
  if (found === undefined) {
    const names = contexts.map((context) => context.name);
    const likely =
      ending.length > 1 ? ending.map((each) => each.name).slice(0, 3) : nearest(name, names, 3);
    throw new WaybillError(
      ending.length > 1 ? "invalid_argument" : "not_found",
      ending.length > 1
        ? `"${name}" may be any of ${ending.length} runs.`
        : `No run is named "${name}".`,
      {
        hint:
          likely.length > 0
            ? `Did you mean ${likely.map((each) => `"${each}"`).join(", ")}?`
            : 'See "waybill runs list".',
      },
    );
  }
  const { executions } = await store.getExecutionsByContext({ contextId: found.id });
  const steps = executions.toSorted((a, b) => Number(a.id - b.id));
  const table = formatTable(
    [
      { title: "execution", align: "right" },
      { title: "type" },
      { title: "state" },
      { title: "started" },
      { title: "took", align: "right" },
    ],
    steps.map((step) => [
      String(step.id),
      step.type,
      stateName(step.lastKnownState),
      formatTime(step.createTimeSinceEpoch),
      formatDuration(durationOf(step)),
    ]),
  );
  return {
    text: `${found.name}\n${table}`,
    json: {
      id: found.id,
      name: found.name,
      executions: steps.map((step) => ({
        id: step.id,
        type: step.type,
        state: stateName(step.lastKnownState),
        startedMs: Number(step.createTimeSinceEpoch),
        durationMs: durationOf(step),
      })),
    },
  };
}

/** All that is recorded of one step. */
export async function showExecution(store: MetadataStore, id: bigint): Promise<Answer> {
  const { executions } = await store.getExecutionsByID({ executionIds: [id] });
  const [execution] = executions;
  if (execution === undefined) {
    throw new WaybillError("not_found", `There is no execution ${id}.`, {
      hint: 'See "waybill runs list".',
    });
  }
  const { events } = await store.getEventsByExecutionIDs({ executionIds: [id] });
  const { artifacts } = await store.getArtifactsByID({
    artifactIds: [...new Set(events.map(({ artifactId }) => artifactId))],
  });
  const byId = new Map(artifacts.map((artifact) => [artifact.id, artifact]));
  const { propertiesOf } = await import("../../metadata/index.ts");
  const properties = propertiesOf(execution);
  // Names that begin with underscores are the recorder's own notes.
  const shown = Object.entries(properties).filter(([name]) => !name.startsWith("__"));
  const uses = events.map((event) => useOf(event, byId.get(event.artifactId)));
  const fields = formatFields([
    ["execution", String(id)],
    ["type", execution.type],
    ["state", stateName(execution.lastKnownState)],
    ["started", formatTime(execution.createTimeSinceEpoch)],
    ["took", formatDuration(durationOf(execution))],
    ...shown.map(
      ([name, value]) => [name, typeof value === "string" ? value : toJsonText(value)] as const,
    ),
  ]);
  const table = formatTable(
    [
      { title: "" },
      { title: "key" },
      { title: "artifact", align: "right" },
      { title: "type" },
      { title: "name or uri" },
    ],
    uses.map((use) => [use.role, use.key, String(use.artifactId), use.type, use.name || use.uri]),
  );
  return {
    text: uses.length === 0 ? fields : `${fields}\n\n${table}`,
    json: {
      id,
      type: execution.type,
      state: stateName(execution.lastKnownState),
      startedMs: Number(execution.createTimeSinceEpoch),
      durationMs: durationOf(execution),
      properties,
      events: uses,
    },
  };
}

function useOf(event: Event, artifact: Artifact | undefined) {
  const name = Object.entries(Event_Type).find(([, value]) => value === event.type)?.[0] ?? "";
  return {
    role: name.endsWith("INPUT") ? "input" : "output",
    event: name,
    key: (event.path?.steps ?? []).map(({ value }) => String(value.value ?? "")).join("/"),
    artifactId: event.artifactId,
    type: artifact?.type ?? "",
    name: artifact?.name ?? "",
    uri: artifact?.uri ?? "",
  };
}
