import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { formatDuration, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { formatTable } from "../table.ts";

const RUN_TYPE = "pipeline_run";

/** `waybill runs list`: what ran here, the newest first. */
export const command = defineCommand({
  name: "runs list",
  summary: "List what ran, the newest first",
  description: "Runs of pipelines, and the single steps that commands recorded.",
  options: {
    limit: { type: "integer", value: "N", summary: "At most so many of each", default: 20 },
    failed: { type: "boolean", summary: "Only what failed" },
  },
  examples: [
    { line: "runs list", does: "the last runs and steps" },
    { line: "runs list --failed", does: "what went wrong" },
  ],
  run: async ({ options: { limit, failed }, session }) => {
    if (limit < 1) throw wrongUse("runs list", "--limit is at least 1.");
    const { durationOf, NEWEST_FIRST, stateCounts, stateName } = await import(
      "../views/executions.ts"
    );
    const { store } = await openProject(session);
    const newest = {
      maxResultSize: limit,
      orderByField: NEWEST_FIRST,
    };
    const { contexts } = await store.getContextsByType({ typeName: RUN_TYPE, options: newest });
    const runs = [];
    for (const context of contexts) {
      const { executions } = await store.getExecutionsByContext({ contextId: context.id });
      const hasFailed = executions.some(
        ({ lastKnownState }) => stateName(lastKnownState) === "FAILED",
      );
      if (failed && !hasFailed) continue;
      runs.push({
        id: context.id,
        name: context.name,
        startedMs: Number(context.createTimeSinceEpoch),
        executionCount: executions.length,
        states: stateCounts(executions),
      });
    }
    const { executions } = await store.getExecutions({
      options: failed ? { ...newest, maxResultSize: FAILED_LOOKED_THROUGH } : newest,
    });
    const steps = executions
      .map((execution) => ({
        id: execution.id,
        type: execution.type,
        state: stateName(execution.lastKnownState),
        startedMs: Number(execution.createTimeSinceEpoch),
        durationMs: durationOf(execution),
      }))
      .filter(({ state }) => !failed || state === "FAILED")
      .slice(0, limit);
    const runTable = formatTable(
      [{ title: "run" }, { title: "started" }, { title: "steps" }],
      runs.map((run) => [run.name, formatTime(run.startedMs), run.states]),
    );
    const stepTable = formatTable(
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
        step.state,
        formatTime(step.startedMs),
        step.state === "RUNNING" ? "" : formatDuration(step.durationMs),
      ]),
    );
    const tables = [
      ...(runs.length > 0 ? [runTable] : []),
      ...(steps.length > 0 ? [stepTable] : []),
    ];
    return {
      json: { runs, executions: steps },
      ...(tables.length > 0 ? { text: tables.join("\n\n") } : { note: "Nothing ran yet." }),
    };
  },
});

/** `--failed` looks for failures among so many of the last steps. */
const FAILED_LOOKED_THROUGH = 1000;
