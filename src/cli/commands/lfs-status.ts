import { relative } from "node:path";
import type { StatusChange, StatusSide } from "../../versioning/lfs/index.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../format.ts";
import { openLfs } from "../views/lfs.ts";

/** `waybill lfs status`: what is staged and what is not, and whether Git LFS or git keeps it. */
export const command = defineCommand({
  name: "lfs status",
  summary: "Show changed files and whether Git LFS or git keeps them",
  options: {
    porcelain: { type: "boolean", short: "p", summary: "One line a file, for scripts" },
  },
  examples: [
    { line: "lfs status", does: "staged and not staged" },
    { line: "lfs status --porcelain", does: "for scripts" },
  ],
  run: async ({ options }) => {
    const { lfsStatus } = await import("../../versioning/lfs/index.ts");
    const repository = await openLfs();
    const { branch, staged, unstaged } = await lfsStatus(repository);
    const root = repository.workTree ?? process.cwd();
    const shown = (path: string) => printable(relative(process.cwd(), `${root}/${path}`));
    const names = ({ from, path }: StatusChange) =>
      from === undefined ? shown(path) : `${shown(from)} -> ${shown(path)}`;
    const json = { branch: branch ?? null, staged, unstaged };
    if (options.porcelain) {
      const lines = [
        ...unstaged.map((change) => ` ${change.status} ${names(change)}`),
        ...staged.map((change) => `${change.status}  ${names(change)}`),
      ];
      return { json, text: lines.join("\n") };
    }
    const line = (change: StatusChange) => {
      const sides = [change.before, change.after].filter((side) => side !== undefined);
      return `\t${names(change)} (${sides.map(formatSide).join(" -> ")})`;
    };
    const text = [
      branch === undefined ? "On a commit, no branch" : `On branch ${printable(branch)}`,
      "",
      "Objects to be committed:",
      "",
      ...staged.map(line),
      "",
      "Objects not staged for commit:",
      "",
      ...unstaged.map(line),
    ];
    return { json, text: text.join("\n") };
  },
});

function formatSide({ kind, id }: StatusSide): string {
  return `${kind}: ${id}`;
}
