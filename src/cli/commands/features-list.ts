import { defineCommand } from "../command.ts";
import { formatDuration } from "../format.ts";
import { openProject } from "../project.ts";
import { requireRegistry } from "../registry.ts";
import { formatTable } from "../table.ts";

/** `waybill features list`: what is defined. */
export const command = defineCommand({
  name: "features list",
  summary: "List feature views, entities and services",
  examples: [{ line: "features list", does: "everything that is defined" }],
  run: async ({ session }) => {
    const registry = await requireRegistry(await openProject(session));
    const views = [
      ...[...registry.featureViews.values()].map((view) => ({
        name: view.name,
        kind: view.online ? "online" : "offline",
        keys: view.entities.join(", "),
        features: view.schema.map(({ name }) => name),
        source: view.source,
        ttl: view.ttlSeconds > 0 ? formatDuration(view.ttlSeconds * 1000) : "",
      })),
      ...[...registry.onDemandFeatureViews.values()].map((view) => ({
        name: view.name,
        kind: "on demand",
        keys: "",
        features: view.schema.map(({ name }) => name),
        source: view.sources.join(", "),
        ttl: "",
      })),
    ];
    const table = formatTable(
      [
        { title: "feature view" },
        { title: "kind" },
        { title: "entities" },
        { title: "features", widthMax: 50 },
        { title: "source" },
        { title: "ttl", align: "right" },
      ],
      views.map((view) => [
        view.name,
        view.kind,
        view.keys,
        view.features.join(", "),
        view.source,
        view.ttl,
      ]),
    );
    const services = [...registry.featureServices.values()].map(({ name, projections }) => ({
      name,
      views: projections.map(({ view }) => view),
    }));
    const serviceTable = formatTable(
      [{ title: "feature service" }, { title: "views" }],
      services.map(({ name, views: used }) => [name, used.join(", ")]),
    );
    return {
      text: services.length === 0 ? table : `${table}\n\n${serviceTable}`,
      json: {
        project: registry.project,
        entities: [...registry.entities.values()],
        sources: [...registry.sources.values()],
        featureViews: [...registry.featureViews.values()],
        onDemandFeatureViews: [...registry.onDemandFeatureViews.values()],
        featureServices: [...registry.featureServices.values()],
      },
    };
  },
});
