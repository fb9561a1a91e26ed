import { WaybillError } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { formatCount, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { completeViews, parseTime, requireRegistry } from "../registry.ts";
import { formatTable } from "../table.ts";

/** `waybill features materialize [VIEW...]`: brings the latest values to the online store. */
export const command = defineCommand({
  name: "features materialize",
  summary: "Bring the latest feature values to the online store",
  description:
    "Without --start it goes on where the last one ended; the first goes back as far as the ttl.",
  arguments: {
    views: { summary: "Feature views (default: all online ones)", count: "any", value: "VIEW" },
  },
  options: {
    start: { type: "string", value: "TIME", summary: "Event times from here on, ISO 8601, UTC" },
    end: { type: "string", value: "TIME", summary: "Event times up to here (default: now)" },
  },
  examples: [
    { line: "features materialize", does: "what is new, of every view" },
    {
      line: "features materialize airport_daily --start 2026-01-01 --end 2026-07-01",
      does: "an interval",
    },
  ],
  complete: completeViews,
  run: async ({ arguments: { views }, options, session }) => {
    const { incrementalStart, materializationRef, materialize } = await import(
      "../../features/index.ts"
    );
    const project = await openProject(session);
    const registry = await requireRegistry(project);
    const end = options.end === undefined ? new Date() : parseTime("--end", options.end);
    const start = options.start === undefined ? undefined : parseTime("--start", options.start);
    const online = [...registry.featureViews.values()].filter((view) => view.online);
    const names = views.length > 0 ? views : online.map(({ name }) => name);
    const engine = await project.engine();
    const store = await project.onlineStore();
    const { signal } = session;
    const done = [];
    for (const name of names) {
      const view = registry.featureViews.get(name);
      if (view === undefined) {
        throw new WaybillError("not_found", `There is no feature view "${name}".`, {
          hint: 'See "waybill features list".',
        });
      }
      const ref = materializationRef(registry.project, name);
      const last = await project.recorder.ref(ref);
      const from = start ?? incrementalStart(view, last, end);
      const { value } = await project.recorder.step(
        "Materialize",
        {
          parameters: { view: name, start: from.toISOString(), end: end.toISOString() },
          signal,
        },
        (step) =>
          materialize(step, engine, store, {
            registry,
            resolve: project.resolveSource,
            view: name,
            start: from,
            end,
            ref: { name: ref, expect: last?.id },
          }),
      );
      const { artifact, ...facts } = value;
      done.push({ ...facts, artifactId: artifact.id });
    }
    const table = formatTable(
      [
        { title: "feature view" },
        { title: "from" },
        { title: "to" },
        { title: "keys", align: "right" },
        { title: "written", align: "right" },
      ],
      done.map((each) => [
        each.view,
        formatTime(each.start),
        formatTime(each.end),
        formatCount(each.keyCount),
        formatCount(each.writtenCount),
      ]),
    );
    return { json: { materializations: done }, text: table };
  },
});
