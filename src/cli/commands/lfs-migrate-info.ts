import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { formatCount } from "../format.ts";
import { formatTable } from "../table.ts";
import { formatLfsSize, MIGRATE_OPTIONS, migrateOptions, openLfs } from "../views/lfs.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** `waybill lfs migrate info`: what is large in history. */
export const command = defineCommand({
  name: "lfs migrate info",
  summary: "Show by extension what is large in history",
  arguments: { branches: { summary: "Branches", count: "any" } },
  options: {
    ...MIGRATE_OPTIONS,
    above: { type: "string", value: "SIZE", summary: "Only contents larger than, say, 1MB" },
    top: { type: "integer", value: "N", summary: "How many lines", default: 5 },
  },
  examples: [
    { line: "lfs migrate info", does: "of what is not pushed yet" },
    { line: "lfs migrate info --everything --above 1MB", does: "of all branches and tags" },
  ],
  run: async ({ arguments: { branches }, options, session }) => {
    const { migrateInfo } = await import("../../versioning/lfs/index.ts");
    const given = await migrateOptions(branches, options, session);
    const above = options.above === undefined ? {} : { aboveBytes: parseSize(options.above) };
    const found = await migrateInfo(await openLfs(), { ...given, ...above });
    const rows = found
      .slice(0, Math.max(options.top, 0))
      .map(({ pattern, sizeBytes, count }) => [
        pattern,
        formatLfsSize(sizeBytes),
        formatCount(count),
      ]);
    const table = formatTable(
      [
        { title: "files" },
        { title: "size", align: "right" },
        { title: "contents", align: "right" },
      ],
      rows,
    );
    return {
      json: { files: found },
      ...(rows.length > 0 ? { text: table } : { note: "Nothing is large there." }),
    };
  },
});

function parseSize(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmg]?)i?b?$/iu.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number !== undefined && factor !== undefined) return Number(number) * factor;
  throw wrongUse("lfs migrate info", `"${text}" is no size, such as 500kB or 1MB.`);
}
