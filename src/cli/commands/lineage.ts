import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";

/** `waybill lineage REF`: where something came from, and what was made from it. */
export const command = defineCommand({
  name: "lineage",
  summary: "Show where something came from, or what was made from it",
  description:
    "REF is artifact:ID, execution:ID, a head (table:main.flights), Type:name, a name, a path or a URI.",
  arguments: { reference: { summary: "What to start from", value: "REF" } },
  options: {
    up: { type: "boolean", summary: "What it was made from (the default)" },
    down: { type: "boolean", summary: "What was made from it" },
    depth: { type: "integer", value: "N", summary: "Steps to go at most" },
    format: {
      type: "string",
      choices: ["text", "json", "dot"],
      default: "text",
      summary: "How to show it",
    },
  },
  examples: [
    { line: "lineage table:main.flights", does: "back to the raw files" },
    { line: "lineage trips.csv --down", does: "what would a change of it reach" },
    { line: "lineage artifact:12 --format dot | dot -Tsvg > lineage.svg", does: "a picture" },
  ],
  run: async ({ arguments: { reference }, options, session }) => {
    const { impact, renderDot, renderJson, renderText, resolveReference, upstream } = await import(
      "../../lineage/index.ts"
    );
    const { depth, down, up, format } = options;
    if (depth !== undefined && depth < 0) throw wrongUse("lineage", "--depth is at least 0.");
    if (up && down && session.json) {
      throw wrongUse("lineage", "--json shows one direction; choose --up or --down.");
    }
    const { store } = await openProject(session);
    const start = await resolveReference(store, reference);
    const walks = [...(up || !down ? [upstream] : []), ...(down ? [impact] : [])];
    const graphs = await Promise.all(
      walks.map((walk) => walk(store, start, depth === undefined ? {} : { depth })),
    );
    const render = { text: renderText, json: renderJson, dot: renderDot }[
      format === "json" || format === "dot" ? format : "text"
    ];
    return { text: graphs.map(render).join("\n"), json: graphs[0] };
  },
});
