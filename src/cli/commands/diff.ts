import { resolve } from "node:path";
import type { Diff } from "../../versioning/index.ts";
import { defineCommand } from "../command.ts";
import { openRepository, pathInRepository } from "../repository.ts";

/** `waybill diff [FROM [TO]]`: what data changed between commits, or since one. */
export const command = defineCommand({
  name: "diff",
  summary: "Say what data changed between commits, as dvc diff does",
  arguments: {
    from: { summary: "The older commit (default: HEAD)", count: "optional", value: "REV" },
    to: { summary: "The newer one (default: the workspace)", count: "optional", value: "REV" },
  },
  options: {
    targets: { type: "string", multiple: true, value: "PATH", summary: "Only these paths" },
    showHash: { type: "boolean", summary: "Tell digests too" },
  },
  examples: [
    { line: "diff", does: "the workspace against the last commit" },
    { line: "diff v1 v2 --json", does: "two tags, as data" },
  ],
  run: async ({ arguments: { from, to }, options, session }) => {
    const { diff } = await import("../../versioning/index.ts");
    const repo = await openRepository();
    const found = await diff(repo, {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(options.targets.length === 0
        ? {}
        : { targets: options.targets.map((path) => pathInRepository(repo, resolve(path))) }),
      hasHashes: options.showHash,
      signal: session.signal,
    });
    return { json: found ?? {}, text: session.quiet ? "" : diffText(found) };
  },
});

function diffText(found: Diff | undefined): string {
  if (found === undefined) return "";
  const groups = [
    ["Added", found.added.map(entryText)],
    ["Deleted", found.deleted.map(entryText)],
    ["Modified", found.modified.map(entryText)],
    ["Renamed", found.renamed.map(({ path }) => `${path.old} -> ${path.new}`)],
    ["Not in cache", (found["not in cache"] ?? []).map(entryText)],
  ] as const;
  const blocks = groups
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}:\n${lines.map((line) => `    ${line}`).join("\n")}`);
  const counts = groups
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${lines.length} ${title.toLowerCase()}`);
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n\nsummary: ${counts.join(", ")}`;
}

function entryText({ path, hash }: Diff["added"][number]): string {
  if (hash === undefined) return path;
  return typeof hash === "string"
    ? `${hash.slice(0, 8)}  ${path}`
    : `${hash.old.slice(0, 8)}..${hash.new.slice(0, 8)}  ${path}`;
}
