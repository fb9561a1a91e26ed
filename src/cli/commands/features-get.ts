import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openProject } from "../project.ts";
import { requireRegistry } from "../registry.ts";
import { formatTable } from "../table.ts";

/** `waybill features get VIEW:FEATURE... --entity KEY=VALUE`: what would be served now. */
export const command = defineCommand({
  name: "features get",
  summary: "Read feature values from the online store, by key",
  arguments: {
    features: { summary: "What to read, as VIEW:FEATURE", count: "any", value: "VIEW:FEATURE" },
  },
  options: {
    entity: {
      type: "string",
      short: "e",
      multiple: true,
      value: "KEY=VALUE",
      summary: "A key; several values of one key are several rows",
    },
    service: { type: "string", value: "NAME", summary: "All features of a service" },
    fullNames: { type: "boolean", summary: "Name columns VIEW__FEATURE" },
    maxAge: { type: "number", value: "SECONDS", summary: "In place of the ttl; 0 for any age" },
  },
  examples: [
    {
      line: "features get airport_daily:mean_delay -e airport=ATL -e airport=ORD",
      does: "two rows",
    },
    {
      line: "features get --service delays -e airport=ATL --json",
      does: "as Feast's server answers",
    },
  ],
  run: async ({ arguments: { features }, options, session }) => {
    if (features.length === 0 && options.service === undefined) {
      throw wrongUse("features get", "Name features as VIEW:FEATURE, or a --service.");
    }
    const { onlineFeatures } = await import("../../features/index.ts");
    const project = await openProject(session);
    const registry = await requireRegistry(project);
    const answer = await onlineFeatures(await project.onlineStore(), {
      registry,
      ...(features.length === 0 ? {} : { features }),
      ...(options.service === undefined ? {} : { service: options.service }),
      fullFeatureNames: options.fullNames,
      entities: parseEntities(options.entity),
      ...(options.maxAge === undefined ? {} : { maxAgeSeconds: options.maxAge }),
    });
    const { results, metadata } = answer;
    const rowCount = results[0]?.values.length ?? 0;
    const rows = Array.from({ length: rowCount }, (_, row) =>
      results.map(({ values, statuses }) => {
        const value = values[row];
        if (value !== null && value !== undefined) return printable(String(value));
        const status = statuses[row] ?? "";
        return status === "NULL_VALUE" ? "NULL" : status.toLowerCase().replaceAll("_", " ");
      }),
    );
    return {
      json: answer,
      text: formatTable(
        metadata.feature_names.map((title) => ({ title })),
        rows,
      ),
    };
  },
});

function parseEntities(words: readonly string[]): Record<string, string[]> {
  const entities: Record<string, string[]> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) {
      throw wrongUse("features get", `"${word}" is no key.`, "Write KEY=VALUE: -e airport=ATL.");
    }
    const key = word.slice(0, at);
    entities[key] = [...(entities[key] ?? []), word.slice(at + 1)];
  }
  return entities;
}
