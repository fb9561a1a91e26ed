import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { WaybillError } from "../../foundation/index.ts";
import { lfsRoutes } from "../../protocols/lfs/index.ts";
import { type Authentication, serve } from "../../server/index.ts";
import { openMemoryStore } from "../../storage/index.ts";
import { connectServer } from "./api.ts";
import { findEndpoint } from "./endpoint.ts";
import { openHttp } from "./http.ts";
import { locks } from "./index.ts";
import { makeRepository, type TestRepository } from "./lfs.fixture.ts";

const code = (wanted: string) => (error: unknown) =>
  error instanceof WaybillError && error.code === wanted;

/** A program in the repository's folder that others call. */
function script({ path }: TestRepository, name: string, body: string): string {
  const file = join(path, ".git", name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
const guarded: Authentication = {
  isRequired: () => true,
  authenticate(authorization) {
    if (authorization === basic("ann:right")) {
      return { principal: "ann", roles: ["editor"], project: "p" };
    }
    throw new WaybillError("unauthenticated", "Who are you?");
  },
};

/** A credential helper that writes down what it is asked and told. */
function helper(repository: TestRepository, password: string): { readonly said: () => string } {
  const log = join(repository.path, ".git", "helper.log");
  const file = script(
    repository,
    "helper",
    `echo "$1" >> '${log}'; cat > /dev/null
     test "$1" = get && echo username=ann && echo password=${password} || true`,
  );
  writeFileSync(log, "");
  process.env["GIT_CONFIG_COUNT"] = "1";
  process.env["GIT_CONFIG_KEY_0"] = "credential.helper";
  process.env["GIT_CONFIG_VALUE_0"] = file;
  return { said: () => readFileSync(log, "utf8").trim().replaceAll("\n", " ") };
}

test("credentials come from git's helpers, which hear whether they were right", async () => {
  await using server = await serve({
    routes: lfsRoutes({ store: openMemoryStore() }),
    authentication: guarded,
  });
  using repository = await makeRepository(`lfs.url=${server.url}/lfs/team/data`);
  const right = helper(repository, "right");
  assert.deepEqual(await locks(repository.lfs), []);
  assert.equal(right.said(), "get store");
  const wrong = helper(repository, "wrong");
  await assert.rejects(locks(repository.lfs), code("unauthenticated"));
  assert.equal(wrong.said(), "get erase get");
});

test("credentials in the address are used, and never appear in an error", async () => {
  await using server = await serve({
    routes: lfsRoutes({ store: openMemoryStore() }),
    authentication: guarded,
  });
  const at = (pair: string) => `lfs.url=${server.url.replace("//", `//${pair}@`)}/lfs/team/data`;
  using repository = await makeRepository(at("ann:right"));
  assert.deepEqual(await locks(repository.lfs), []);
  using other = await makeRepository(at("ann:canary"));
  helper(other, "canary2");
  await assert.rejects(locks(other.lfs), (error) => {
    assert.ok(error instanceof WaybillError && error.code === "unauthenticated");
    assert.doesNotMatch(`${error.message} ${error.hint}`, /canary/u);
    return true;
  });
});

test("a redirect to another host does not carry credentials along", async () => {
  const seen: IncomingHttpHeaders[] = [];
  const target = createServer((request, response) => {
    seen.push(request.headers);
    response.end("there");
  }).listen(0, "127.0.0.1");
  const first = createServer((request, response) => {
    const isNear = request.url === "/near";
    const location = isNear ? "/far" : `http://127.0.0.1:${port}/x`;
    response.writeHead(307, { location }).end();
  }).listen(0, "127.0.0.1");
  await Promise.all([once(target, "listening"), once(first, "listening")]);
  const { port } = target.address() as AddressInfo;
  const from = first.address() as AddressInfo;
  try {
    using repository = await makeRepository();
    using http = openHttp(repository.lfs.config);
    const response = await http.send({
      method: "GET",
      url: `http://127.0.0.1:${from.port}/near`,
      headers: { authorization: "Bearer canary", accept: "x/y" },
    });
    assert.equal(await response.text(), "there");
    assert.equal(seen[0]?.authorization, undefined);
    assert.equal(seen[0]?.accept, "x/y");
  } finally {
    first.close();
    target.close();
  }
});

test("an answer that is not an LFS server's, and one that never comes, are told as such", async () => {
  const server = createServer((request, response) => {
    if (request.url?.includes("slow")) return;
    response.end("<html>hello</html>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    using repository = await makeRepository("lfs.activitytimeout=1");
    for (const path of ["page", "slow"]) {
      const endpoint = {
        kind: "http",
        url: `http://127.0.0.1:${port}/${path}`,
        headers: {},
      } as const;
      using connected = connectServer(repository.lfs, endpoint);
      await assert.rejects(connected.locks({}), code("unavailable"), path);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("over SSH the host is asked where its server is, and its headers go along", async () => {
  using repository = await makeRepository("remote.origin.url=git@host.example:team/da'ta.git");
  const log = join(repository.path, ".git", "ssh.log");
  const answer = '{"href":"https://lfs.example/x/","header":{"Authorization":"RemoteAuth t"}}';
  const ssh = script(repository, "ssh", `echo "$@" > '${log}'; echo '${answer}'`);
  await repository.git("config", "core.sshCommand", ssh);
  assert.deepEqual(findEndpoint(repository.lfs, "origin", "download"), {
    kind: "http",
    url: "https://lfs.example/x",
    headers: { Authorization: "RemoteAuth t" },
  });
  const asked = "git@host.example git-lfs-authenticate 'team/da'\\''ta.git' download\n";
  assert.equal(readFileSync(log, "utf8"), asked);
  await repository.git("config", "remote.origin.url", "ssh://git@host.example:2222/team/x.git");
  script(repository, "ssh", `echo "$@" > '${log}'; echo '{}'`);
  const endpoint = findEndpoint(repository.lfs, "origin", "upload");
  assert.deepEqual(
    endpoint.kind === "http" && endpoint.url,
    "https://host.example/team/x.git/info/lfs",
  );
  assert.equal(
    readFileSync(log, "utf8"),
    "-p 2222 git@host.example git-lfs-authenticate 'team/x.git' upload\n",
  );
  script(repository, "ssh", "echo no; exit 0");
  const find = () => findEndpoint(repository.lfs, "origin", "upload");
  assert.throws(find, code("unavailable"));
  await repository.git("config", "remote.origin.url", "ssh://-oProxyCommand=evil/x");
  assert.throws(find, code("invalid_argument"));
});
