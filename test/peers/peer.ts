import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sharedFolder } from "../../scripts/shared.ts";

/** The exit code by which a peer test says that it was skipped. */
const SKIPPED = 75;

/** Ends this program as skipped; the line says what is missing. */
export function skip(why: string): never {
  console.log(why);
  process.exit(SKIPPED);
}

/** The shared folder; without one the program ends as skipped. */
export function requireShared(): string {
  return sharedFolder() ?? skip("no shared folder (WAYBILL_SHARED) with the peers' set-up");
}

/**
 * The Python interpreter of a peer's own environment, made on first use.
 * Without a shared folder the program ends as skipped.
 */
export function peerPython(peer: string): string {
  const script = join(requireShared(), "interop", "peers.sh");
  const made = spawnSync("bash", [script, peer], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
  });
  if (made.status !== 0) {
    console.error(`peers.sh ${peer} failed with exit code ${made.status}`);
    process.exit(1);
  }
  return made.stdout.trim();
}

/** The path of a file beside the peer tests, for example a Python script. */
export function besidePeers(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Runs a command with its output shown; a failure ends the program with exit code 1. */
export function mustRun(file: string, args: readonly string[], input?: string): void {
  const result = spawnSync(file, args, {
    stdio: [input === undefined ? "ignore" : "pipe", "inherit", "inherit"],
    ...(input === undefined ? {} : { input }),
  });
  if (result.status !== 0) {
    console.error(`${file} ended with ${result.status ?? result.signal}`);
    process.exit(1);
  }
}
