import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { silentLog } from "../foundation/index.ts";
import { connect } from "../project/index.ts";
import { ACTIONS, isAllowed, RESOURCE_KINDS, ROLES, type Role } from "../protection/index.ts";
import { type Authentication, type Route, serve } from "../server/index.ts";
import { composeProtocols, type Protocols } from "./protocols.ts";
import { waybill } from "./spawn.fixture.ts";

/** The protocols of a new project in a temporary folder. */
async function composed(work: (protocols: Protocols) => Promise<void>): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "serve-"));
  await using project = await connect({ home: join(folder.path, ".waybill"), create: true });
  await using resources = new AsyncDisposableStack();
  await work(await composeProtocols(project, { log: silentLog, resources }));
}

/** A path that the route answers: every parameter is `x`. */
const pathOf = ({ path }: Route) => path.replaceAll(/[:*]\w+/gu, "x");
const paramsOf = ({ path }: Route) =>
  Object.fromEntries([...path.matchAll(/[:*](\w+)/gu)].map(([, name]) => [name, "x"]));

test("every route and every RPC declares an action and a resource that are known", async () => {
  await composed(async ({ routes, rpc }) => {
    assert.ok(routes.length > 10 && rpc.length > 0);
    for (const route of routes) {
      assert.ok(ACTIONS.includes(route.action), route.path);
      assert.ok(RESOURCE_KINDS.includes(route.resourceOf(paramsOf(route)).kind), route.path);
      assert.ok(route.action !== "public" || route.method === "GET", `${route.path} is for all`);
    }
    for (const { methods } of rpc) {
      for (const { path, action } of methods) {
        assert.ok(ACTIONS.includes(action) && action !== "public", path);
      }
    }
  });
});

test("each role gets past the door of exactly the routes that it may use", async () => {
  const authentication: Authentication = {
    isRequired: () => true,
    authenticate: (authorization = "") => ({
      principal: "p",
      roles: [authorization.replace("Bearer ", "") as Role],
      project: "p",
    }),
  };
  await composed(async ({ routes }) => {
    // What handlers do is their own tests' matter: here they say only that they were reached.
    const doors = routes.map((route) => ({ ...route, handler: () => ({ status: 299 }) }));
    await using server = await serve({ routes: doors, authentication });
    for (const route of doors) {
      for (const role of ROLES) {
        const caller = { principal: "p", roles: [role], project: "p" };
        const allowed = isAllowed(caller, route.action, route.resourceOf(paramsOf(route)));
        const { status } = await fetch(server.url + pathOf(route), {
          method: route.method,
          headers: { authorization: `Bearer ${role}` },
        });
        assert.equal(status, allowed ? 299 : 403, `${role}: ${route.method} ${route.path}`);
      }
    }
  });
});

test("waybill serve answers until it is told to stop, and tokens close its door", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "serve-"));
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, [main, "serve", "--port", "0", "--json"], {
    cwd: folder.path,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [line] = await once(createInterface(child.stdout), "line");
    const { url, addresses } = JSON.parse(String(line));
    assert.equal(addresses.lfs, `${url}/lfs/OWNER/REPOSITORY`);
    const locks = (authorization?: string) =>
      fetch(`${url}/lfs/team/data/locks`, {
        headers: authorization === undefined ? {} : { authorization },
      }).then(({ status }) => status);
    assert.equal(await locks(), 200);
    const cwd = folder.path;
    const made = await waybill(["token", "add", "ann", "--role", "viewer", "--json"], { cwd });
    const { secret } = JSON.parse(made.stdout);
    assert.deepEqual([await locks(), await locks(`Bearer ${secret}`)], [401, 200]);
    const listed = await waybill(["token", "list"], { cwd });
    assert.match(listed.stdout, /ann +viewer +all/u);
    assert.equal(listed.stdout.includes(secret), false);
    await waybill(["token", "revoke", "ann"], { cwd });
    assert.equal(await locks(`Bearer ${secret}`), 401);
  } finally {
    child.kill("SIGTERM");
  }
  const [exitCode] = await once(child, "exit");
  assert.equal(exitCode, 130);
});
