import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { WaybillError, writeFileAtomically } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { HOME_FOLDER } from "../home.ts";

/** `waybill init`: a project and a dvc repository in the working folder. */
export const command = defineCommand({
  name: "init",
  summary: "Make this folder a project",
  description:
    "Makes .waybill (metadata store, lake, warehouse, online store) and, as `dvc init` does, .dvc. In a\n" +
    "folder without git data is versioned without it, as with --no-scm.",
  options: {
    noScm: { type: "boolean", summary: "Version data without git even where there is git" },
  },
  examples: [
    { line: "init", does: "in a git repository" },
    { line: "init --no-scm", does: "anywhere" },
  ],
  run: async ({ options, session }) => {
    const folder = process.cwd();
    const home = resolve(session.home ?? HOME_FOLDER);
    const hasHome = existsSync(join(home, "config.yaml"));
    const hasRepo = existsSync(join(folder, ".dvc", "config"));
    if (hasHome && hasRepo) {
      throw new WaybillError("already_exists", `"${folder}" is a project already.`, {
        hint: 'Look at it with "waybill doctor" and "waybill status".',
      });
    }
    const noScm = options.noScm || !isInGit(folder);
    // The repository first: it refuses before anything is written, and a project without one is none.
    if (!hasRepo) {
      const { init } = await import("../../versioning/index.ts");
      await init(folder, { noScm });
    }
    if (!hasHome) {
      await writeFileAtomically(join(home, ".gitignore"), "*\n");
      const { connect } = await import("../../project/index.ts");
      const { log, progress, signal } = session;
      session.resources.use(await connect({ home, create: true, log, progress, signal }));
    }
    const without = !hasRepo && noScm ? " It versions data without git." : "";
    return {
      json: { home, repository: folder, scm: noScm ? "none" : "git" },
      note:
        `Made a project in ${home}.${without}\n` +
        'Next: waybill lake put FILE, waybill add FILE, or "waybill demo" to see it all.',
    };
  },
});

function isInGit(start: string): boolean {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return true;
    if (dirname(folder) === folder) return false;
  }
}
