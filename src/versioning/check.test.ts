import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { chmod, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkData } from "./check.ts";
import { addRemote } from "./config-edit.ts";
import { push } from "./transfer.ts";
import { openRepoFixture } from "./versioning.fixture.ts";

const ONE = "c4ca4238a0b923820dcc509a6f75849b";
const TWO = "c81e728d9d4c2f636f067f89cc14862c";

test("every damaged, cut-short or missing object is found, with the paths that it breaks", async () => {
  await using fixture = await openRepoFixture();
  await fixture.write({ "data/a": "1", "data/same": "1", "data/b": "2", one: "3" });
  const [data] = await fixture.add("data", "one");
  const repo = await addRemote(fixture.repo, "store", "store", { isDefault: true });
  await push(repo);
  const healthy = await checkData(repo, { remote: "store" });
  assert.equal(healthy.checkedCount, 8);
  assert.deepEqual(healthy.faults, []);

  const inCache = (md5: string) =>
    join(repo.cacheFolder, "files/md5", md5.slice(0, 2), md5.slice(2));
  await chmod(inCache(ONE), 0o644);
  await writeFile(inCache(ONE), "9");
  rmSync(inCache(TWO));
  const inStore = join(fixture.folder, "store/files/md5", data?.md5.slice(0, 2) ?? "");
  await chmod(join(inStore, data?.md5.slice(2) ?? ""), 0o644);
  await truncate(join(inStore, data?.md5.slice(2) ?? ""), 10);
  const { faults } = await checkData(repo, { remote: "store" });
  assert.deepEqual(
    faults.map(({ where, md5, fault, breaks }) => [where, md5, fault, breaks]),
    [
      ["cache", ONE, "damaged", ["data/a", "data/same"]],
      ["cache", TWO, "missing", ["data/b"]],
      ["store", data?.md5, "damaged", ["data"]],
    ],
  );
});
