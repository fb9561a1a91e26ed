import { nearest, WaybillError } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { formatDuration, formatTime } from "../format.ts";
import { openProject } from "../project.ts";
import { completeViews, requireRegistry } from "../registry.ts";
import { formatFields, formatTable } from "../table.ts";

/** `waybill features describe VIEW`: all that is known of a feature view. */
export const command = defineCommand({
  name: "features describe",
  summary: "Say all that is known of a feature view",
  arguments: { view: { summary: "The feature view" } },
  examples: [{ line: "features describe airport_daily", does: "its features and how fresh it is" }],
  complete: completeViews,
  run: async ({ arguments: { view: name }, session }) => {
    const { materializationRef } = await import("../../features/index.ts");
    const { propertiesOf } = await import("../../metadata/index.ts");
    const project = await openProject(session);
    const registry = await requireRegistry(project);
    const view = registry.featureViews.get(name);
    if (view === undefined) {
      const likely = nearest(name, registry.featureViews.keys(), 3);
      throw new WaybillError("not_found", `There is no feature view "${name}".`, {
        hint:
          likely.length > 0
            ? `Did you mean ${likely.map((each) => `"${each}"`).join(", ")}?`
            : 'See "waybill features list".',
      });
    }
    const times = registry.times.get(`featureViews/${name}`);
    const last = await project.recorder.ref(materializationRef(registry.project, name));
    const materialized = last === undefined ? undefined : propertiesOf(last);
    const source = registry.sources.get(view.source);
    const fields = formatFields([
      ["feature view", view.name],
      ["about", view.description],
      ["owner", view.owner],
      ["entities", view.entities.join(", ")],
      ["source", source === undefined ? view.source : describeSource(source)],
      ["ttl", view.ttlSeconds > 0 ? formatDuration(view.ttlSeconds * 1000) : "values never age"],
      ["online", view.online ? "yes" : "no"],
      ["changed", times === undefined ? "" : formatTime(times.lastUpdatedMs)],
      [
        "materialized",
        materialized === undefined
          ? "never"
          : `to ${String(materialized["end"])}, ${String(materialized["key_count"])} keys`,
      ],
    ]);
    const table = formatTable(
      [{ title: "feature" }, { title: "type" }, { title: "about", widthMax: 60 }],
      view.schema.map((field) => [field.name, field.dtype, field.description]),
    );
    return {
      text: `${fields}\n\n${table}`,
      json: { ...view, times, materialization: materialized ?? null },
    };
  },
});

type Source =
  | { readonly kind: "parquet"; readonly paths: readonly string[] }
  | { readonly kind: "warehouse"; readonly table: string };

function describeSource(source: Source & { readonly name: string }): string {
  const where = source.kind === "warehouse" ? `table ${source.table}` : source.paths.join(", ");
  return `${source.name} (${where})`;
}
