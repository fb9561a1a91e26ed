import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtempDisposable, readdir, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WaybillError } from "../foundation/index.ts";
import {
  type Action,
  addToken,
  authenticateToken,
  authorize,
  type Caller,
  listTokens,
  openTokens,
  parseScope,
  type Role,
  revokeToken,
} from "./index.ts";

const temporaryHome = () => mkdtempDisposable(join(tmpdir(), "tokens-"));
const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;

const holder = (roles: readonly Role[], scopes?: readonly string[]): Caller => ({
  principal: "ann",
  roles,
  project: "p",
  ...(scopes === undefined ? {} : { scopes }),
});

const grants: readonly (readonly [readonly Role[], Action, boolean])[] = [
  [[], "public", true],
  [[], "read", false],
  [["viewer"], "read", true],
  [["viewer"], "write", false],
  [["editor"], "write", true],
  [["editor"], "administer", false],
  [["admin"], "administer", true],
  [["viewer", "editor"], "write", true],
];
for (const [roles, action, allowed] of grants) {
  test(`roles [${roles}] ${allowed ? "may" : "may not"} ${action}`, () => {
    const attempt = () => authorize(holder(roles), action, { kind: "lfs", name: "team/data" });
    if (allowed) attempt();
    else assert.throws(attempt, code("permission_denied"));
  });
}

const scoped: readonly (readonly [string, boolean])[] = [
  ["lfs", true],
  ["lfs:team/data", true],
  ["lfs:team/*", true],
  ["lfs:te", false],
  ["lfs:other/*", false],
  ["lfs:team/data2", false],
  ["dvc", false],
];
for (const [scope, allowed] of scoped) {
  test(`the scope ${scope} ${allowed ? "covers" : "does not cover"} lfs:team/data`, () => {
    const attempt = () =>
      authorize(holder(["admin"], [scope]), "read", { kind: "lfs", name: "team/data" });
    if (allowed) attempt();
    else assert.throws(attempt, code("permission_denied"));
  });
}

test("a scope names a known kind", () => {
  assert.equal(parseScope("warehouse:a.b:c"), "warehouse:a.b:c");
  for (const wrong of ["", "lsf", "lfs:", ":x"]) {
    assert.throws(() => parseScope(wrong), code("invalid_argument"), wrong);
  }
});

test("a token's secret is shown once, kept only as a hash, in a file of its owner alone", async () => {
  await using home = await temporaryHome();
  const { secret, info } = await addToken(home.path, { name: "ann", role: "editor" });
  const path = join(home.path, "tokens.json");
  assert.equal(readFileSync(path, "utf8").includes(secret), false);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(listTokens(home.path), [info]);
  const caller = authenticateToken(home.path, "p", secret);
  assert.deepEqual(caller, { principal: "ann", roles: ["editor"], project: "p" });
  assert.equal(authenticateToken(home.path, "p", `${secret}x`), undefined);
  assert.equal(authenticateToken(home.path, "p", ""), undefined);
});

test("a running server sees a new and a revoked token at once, and stays closed after the last", async () => {
  await using home = await temporaryHome();
  const tokens = openTokens(home.path, "p");
  assert.equal(tokens.isConfigured(), false);
  const { secret } = await addToken(home.path, { name: "ann", role: "viewer" });
  assert.equal(tokens.authenticate(secret)?.principal, "ann");
  await revokeToken(home.path, "ann");
  assert.equal(tokens.authenticate(secret), undefined);
  assert.equal(tokens.isConfigured(), true);
  await assert.rejects(revokeToken(home.path, "ann"), code("not_found"));
});

test("an expired token lets nobody in", async () => {
  await using home = await temporaryHome();
  const expiresAt = new Date(Date.now() - 1);
  const { secret } = await addToken(home.path, { name: "ann", role: "viewer", expiresAt });
  assert.equal(authenticateToken(home.path, "p", secret), undefined);
});

test("names are checked and taken once", async () => {
  await using home = await temporaryHome();
  await addToken(home.path, { name: "ann", role: "viewer" });
  const again = addToken(home.path, { name: "ann", role: "viewer" });
  await assert.rejects(again, code("already_exists"));
  for (const name of ["", "a:b", "a b", "../x", "x".repeat(65)]) {
    const wrong = addToken(home.path, { name, role: "viewer" });
    await assert.rejects(wrong, code("invalid_argument"), name);
  }
});

test("tokens added at the same time are all kept, and no lock is left", async () => {
  await using home = await temporaryHome();
  const names = Array.from({ length: 8 }, (_, index) => `t${index}`);
  await Promise.all(names.map((name) => addToken(home.path, { name, role: "viewer" })));
  const kept = listTokens(home.path).map(({ name }) => name);
  assert.deepEqual(kept.sort(), names);
  assert.deepEqual(await readdir(home.path), ["tokens.json"]);
});

test("a lock that a kill left behind is taken over", async () => {
  await using home = await temporaryHome();
  const lockPath = join(home.path, "tokens.json.lock");
  writeFileSync(lockPath, "");
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lockPath, longAgo, longAgo);
  await addToken(home.path, { name: "ann", role: "viewer" });
});

test("a damaged token file is data_loss, not an open door", async () => {
  await using home = await temporaryHome();
  for (const content of ["", "{}", '{"tokens":[{"name":"x"}]}', "[]"]) {
    writeFileSync(join(home.path, "tokens.json"), content);
    assert.throws(() => openTokens(home.path, "p").isConfigured(), code("data_loss"), content);
  }
});
