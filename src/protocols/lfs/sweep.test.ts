import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openFileStore } from "../../storage/index.ts";
import { sweepLeftovers } from "./index.ts";

test("what killed servers left goes after a day, and objects and locks stay", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "lfs-"));
  const files = [
    "t/r/objects/aa/bb/.aabb.0123456789ab.tmp",
    "t/r/objects/aa/bb/aabb",
    "t/r/locks/1.json",
    "t/r/ended-locks/1.json",
  ];
  const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
  for (const file of files) {
    const path = join(folder.path, file);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "x");
    await utimes(path, longAgo, longAgo);
  }
  await writeFile(join(folder.path, "t/r/ended-locks/young.json"), "x");
  const signal = new AbortController().signal;
  const options = { nowMs: Date.now(), signal };
  assert.equal(await sweepLeftovers(openFileStore(folder.path), options), 3);
  const left = await readdir(folder.path, { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort(),
    ["1.json", "aabb", "young.json"],
  );
});
