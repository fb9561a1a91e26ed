import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Execution_State } from "../gen/ml_metadata/proto/metadata_store_pb.ts";
import { connect } from "../src/project/index.ts";
import { journeyDigest } from "./journey-digest.ts";

const PROGRAM = fileURLToPath(new URL("run-journey.ts", import.meta.url));

/** A line of the story that tells of a finished step. */
const STEP = /^ {2}(done|reused) /;

/** Kills come up to so many milliseconds after a step's line: in the middle of the next one. */
const KILL_DELAY_MS_MAX = 25;

interface Outcome {
  readonly steps: readonly string[];
  readonly exit: number | NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs the journey, and kills it with SIGKILL soon after its `killAfter`-th step. */
async function runJourney(home: string, killAfter = Infinity, delayMs = 0): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, home], { stdio: ["ignore", "pipe", "pipe"] });
  const steps: string[] = [];
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const exited = new Promise<Outcome["exit"]>((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  for await (const line of createInterface(child.stdout)) {
    if (!STEP.test(line)) continue;
    steps.push(line);
    if (steps.length !== killAfter) continue;
    await sleep(delayMs);
    child.kill("SIGKILL");
  }
  return { steps, exit: await exited, stderr };
}

test("a journey that is killed in the middle of every step ends with the same bytes and rows", async (t) => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "waybill-journey-"));
  const calm = join(folder.path, "calm", ".waybill");
  const killed = join(folder.path, "killed", ".waybill");

  const whole = await runJourney(calm);
  assert.deepEqual([whole.exit, whole.stderr], [0, ""]);
  const stepCount = whole.steps.length;
  assert.ok(stepCount >= 30, `only ${stepCount} steps were told`);

  let kills = 0;
  for (let killAfter = 0; killAfter < stepCount; killAfter++) {
    const delayMs = (killAfter * 7) % KILL_DELAY_MS_MAX;
    const { exit, stderr } = await runJourney(killed, Math.max(killAfter, 1), delayMs);
    assert.equal(stderr, "");
    if (exit === "SIGKILL") kills++;
  }
  assert.ok(kills > stepCount / 2, `only ${kills} of ${stepCount} kills hit`);
  t.diagnostic(`${kills} kills`);

  assert.equal((await runJourney(killed)).exit, 0);
  assert.deepEqual(await journeyDigest(killed), await journeyDigest(calm));

  await using project = await connect({ home: killed });
  const { executions } = await project.store.getExecutions({});
  const open = executions.filter((e) => e.lastKnownState === Execution_State.RUNNING);
  assert.deepEqual(open, [], "nothing is left RUNNING");

  const again = await runJourney(calm);
  const ran = again.steps.filter((line) => line.startsWith("  done"));
  assert.equal(ran.length, 1, `a second run only asks for lineage anew:\n${ran.join("\n")}`);
});
