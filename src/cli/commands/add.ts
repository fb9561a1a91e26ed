import { resolve } from "node:path";
import { defineCommand } from "../command.ts";
import { formatBytes, formatQuantity } from "../format.ts";

/** `waybill add PATH...`: versions files and folders as `dvc add` does. */
export const command = defineCommand({
  name: "add",
  summary: "Version files and folders, as dvc add does",
  description:
    "Puts the bytes into the cache and writes PATH.dvc, which belongs in git. dvc reads both.",
  arguments: { paths: { summary: "Files or folders", count: "many", value: "PATH" } },
  examples: [
    { line: "add trips.csv", does: "one file" },
    { line: "add images", does: "a folder as one version" },
  ],
  run: async ({ arguments: { paths }, session }) => {
    const { recordStep } = await import("../recording.ts");
    const { add, openRepo } = await import("../../versioning/index.ts");
    const repo = await openRepo(process.cwd());
    const added = await recordStep(
      session,
      "Version",
      {
        inputs: { raw_file: { type: "RawFile", paths, onlyKnown: true } },
        parameters: { paths: JSON.stringify(paths) },
      },
      (step) =>
        add(
          step,
          repo,
          paths.map((path) => resolve(path)),
        ),
    );
    const lines = added.map(({ path, dvcFile, sizeBytes, fileCount, isChanged }) => {
      const size = `${formatQuantity(fileCount, "file")}, ${formatBytes(sizeBytes)}`;
      return `${path}: ${size} -> ${dvcFile}${isChanged ? "" : " (unchanged)"}`;
    });
    const files = [...new Set(added.flatMap(({ filesForGit }) => filesForGit))];
    const next = repo.noScm ? "" : `\nNext: git add ${files.join(" ")}`;
    return {
      json: {
        added: added.map(({ artifact: _artifact, ...version }) => version),
      },
      note: lines.join("\n") + next,
    };
  },
});
