import { defineCommand } from "../command.ts";

const COMPATIBLE: Readonly<Record<string, readonly string[]>> = {
  full: ["full"],
  backward: ["full", "backward"],
  forward: ["full", "forward"],
};

/** `waybill schema diff BEFORE AFTER`: what changed, and whether data still passes. */
export const command = defineCommand({
  name: "schema diff",
  summary: "Say what changed between two schemas and what it means for the data",
  description:
    "backward: the new schema takes the old data. forward: the old one takes the new data. With --require\n" +
    "the exit code is 3 when the change is less compatible.",
  arguments: {
    before: { summary: "A schema file, or NAME or NAME@N of a published one" },
    after: { summary: "The same for the newer one" },
  },
  options: {
    require: {
      type: "string",
      choices: Object.keys(COMPATIBLE),
      summary: "Exit 3 when the change is not so compatible",
    },
  },
  examples: [
    { line: "schema diff old.pbtxt new.pbtxt", does: "two files" },
    { line: "schema diff trips trips.pbtxt --require backward", does: "before publishing, in CI" },
  ],
  run: async ({ arguments: { before, after }, options, session }) => {
    const { diffSchemas } = await import("../../schema/index.ts");
    const { openSchema } = await import("../schemas.ts");
    const { changesText } = await import("../views/schema.ts");
    const old = await openSchema(session, before);
    const diff = diffSchemas(old, await openSchema(session, after));
    const isMissed =
      options.require !== undefined &&
      COMPATIBLE[options.require]?.includes(diff.compatibility) !== true;
    return {
      text:
        diff.changes.length === 0
          ? "No difference."
          : `${changesText(diff.changes)}\ncompatibility: ${diff.compatibility}`,
      json: diff,
      exitCode: isMissed ? 3 : 0,
    };
  },
});
