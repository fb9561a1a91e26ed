import { spawn } from "node:child_process";
import { WaybillError } from "../../foundation/index.ts";
import { defineCommand } from "../command.ts";
import { openProject } from "../project.ts";
import type { Session } from "../session.ts";

/** `waybill demo`: the whole journey on real data, in a project here. */
export const command = defineCommand({
  name: "demo",
  summary: "Run the whole journey on real public data",
  description:
    "Lands flights, airports and bird strikes in the lake, versions them, counts them, holds each month\n" +
    "against a schema, loads what passes into the warehouse, makes features and serves them, then asks\n" +
    "where they came from. Makes a project here if there is none. A second run reuses the first.",
  options: {
    quick: { type: "boolean", summary: "Follow one flight in sixteen" },
  },
  examples: [
    { line: "demo", does: "all three million flights" },
    { line: "demo --quick", does: "one in sixteen" },
  ],
  run: async ({ options: { quick }, session }) => {
    const { DATA_PACKAGE, hasDataPackage, runJourney } = await import("../../journey/index.ts");
    if (!hasDataPackage()) await offerData(session, DATA_PACKAGE);
    const project = await openProject(session, { create: true });
    const lines: string[] = [];
    const { terminal, json, progress } = session;
    const { served, executionCount } = await runJourney(project, {
      quick,
      print: (line) => {
        lines.push(line);
        // Lines are few and short: they need no waiting for a slow reader.
        if (!json) void terminal.write(`${line}\n`);
        progress.defer();
      },
    });
    return { json: { servedArtifactId: served.id, executionCount, story: lines } };
  },
});

/** Installs the demo's data when a person says yes; else says how to get it. */
async function offerData(session: Session, dataPackage: string): Promise<void> {
  const { terminal, progress, signal } = session;
  const missing = new WaybillError("not_found", "The demo's data is not installed here.", {
    hint: `Run: npm install --no-save ${dataPackage}   (42 MB of public data), then: waybill demo`,
  });
  if (!terminal.canAsk || session.json) throw missing;
  terminal.say(
    "The demo's data is not installed here: flights, airports and bird strikes, all public.",
  );
  const question = `Run "npm install --no-save ${dataPackage}" in this folder (42 MB)?`;
  const isWanted = await progress.pause(() => terminal.confirm(question, signal));
  if (!isWanted) throw missing;
  await progress.pause(() => install(dataPackage, signal));
}

function install(dataPackage: string, signal: AbortSignal): Promise<void> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const child = spawn(npm, ["install", "--no-save", "--no-audit", "--no-fund", dataPackage], {
    // npm's own words go to stderr: stdout is the answer.
    stdio: ["ignore", 2, 2],
    signal,
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else {
        reject(
          new WaybillError("unavailable", `npm could not install ${dataPackage} (exit ${code}).`, {
            hint: "What npm said is above.",
          }),
        );
      }
    });
  });
}
