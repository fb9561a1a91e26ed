import { defineCommand } from "../command.ts";
import { openRepository } from "../repository.ts";

/** `waybill dag`: which stage or data feeds which. */
export const command = defineCommand({
  name: "dag",
  summary: "Show which stages and data feed which, as dvc dag does",
  options: { dot: { type: "boolean", summary: "In Graphviz's language" } },
  examples: [
    { line: "dag", does: "a line for each edge" },
    { line: "dag --dot | dot -Tsvg > dag.svg", does: "a picture" },
  ],
  run: async ({ options: { dot } }) => {
    const { dag } = await import("../../versioning/index.ts");
    const graph = await dag(await openRepository());
    const { nodes, edges } = graph;
    const quoted = (name: string) => JSON.stringify(name);
    const lines = dot
      ? [
          "digraph {",
          ...nodes.map((name) => `  ${quoted(name)};`),
          ...edges.map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)};`),
          "}",
        ]
      : [
          ...edges.map(([from, to]) => `${from} -> ${to}`),
          ...nodes.filter((name) => !edges.some((edge) => edge.includes(name))),
        ];
    return { json: graph, text: lines.join("\n") };
  },
});
