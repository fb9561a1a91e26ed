import assert from "node:assert/strict";
import { test } from "node:test";
import { ACTIONS, RESOURCE_KINDS } from "../protection/index.ts";
import { healthRoutes } from "./health.ts";
import { defineRoute, type Route, routeTable } from "./route.ts";
import { HttpError } from "./status.ts";

function route(method: Route["method"], path: string): Route {
  return defineRoute({
    method: method as "GET",
    path,
    action: "read",
    resource: { kind: "lake" },
    handler: () => ({}),
  });
}

const find = routeTable([
  route("GET", "/"),
  route("GET", "/a/:x"),
  route("PUT", "/a/:x"),
  route("GET", "/a/fixed"),
  route("GET", "/a/:x/b/:y"),
  route("GET", "/f/*rest"),
  route("GET", "/f/deep/:z/end"),
]);

const found: readonly (readonly [string, string, string, Record<string, string>])[] = [
  ["GET", "/", "/", {}],
  ["GET", "/a/1", "/a/:x", { x: "1" }],
  ["HEAD", "/a/1", "/a/:x", { x: "1" }],
  ["GET", "/a/fixed", "/a/fixed", {}],
  ["PUT", "/a/fixed", "/a/:x", { x: "fixed" }],
  ["GET", "/a/%C3%BC%20b/b/c%2Fd", "/a/:x/b/:y", { x: "ü b", y: "c/d" }],
  ["GET", "/f/p/q/r", "/f/*rest", { rest: "p/q/r" }],
  ["GET", "/f/deep/1/end", "/f/deep/:z/end", { z: "1" }],
  ["GET", "/f/deep/1/other", "/f/*rest", { rest: "deep/1/other" }],
  ["GET", "/a/__proto__", "/a/:x", { x: "__proto__" }],
];
for (const [method, path, pattern, params] of found) {
  test(`${method} ${path} is answered by ${pattern}`, () => {
    const match = find(method, path);
    assert.equal(match.route.path, pattern);
    assert.deepEqual({ ...match.params }, params);
  });
}

const refused: readonly (readonly [string, string, number])[] = [
  ["GET", "/nothing", 404],
  ["GET", "/a", 404],
  ["GET", "/a/", 404],
  ["DELETE", "/a/1", 405],
  ["OPTIONS", "/a/1", 405],
  ["GET", "/a/%zz", 400],
  ["GET", "/a/%ff", 400],
  ["GET", "/f/../etc/passwd", 400],
  ["GET", "/f/%2e%2e/etc/passwd", 400],
  ["GET", "/f/x/%2E", 400],
  ["GET", "/a/x%00y", 400],
];
for (const [method, path, status] of refused) {
  test(`${method} ${path} is refused with ${status}`, () => {
    const attempt = () => find(method, path);
    assert.throws(attempt, (error) => error instanceof HttpError && error.status === status);
  });
}

test("a refused method says which are answered", () => {
  const isRight = (error: unknown) =>
    error instanceof HttpError && error.headers["allow"] === "GET, PUT";
  assert.throws(() => find("POST", "/a/1"), isRight);
});

test("two routes of one method and path are a mistake", () => {
  assert.throws(() => routeTable([route("GET", "/a/:x"), route("GET", "/a/:y")]), /Two routes/u);
});

test("every route of the frame declares an action and a resource that are known", () => {
  for (const { action, path, resourceOf } of healthRoutes(() => false)) {
    assert.ok(ACTIONS.includes(action), path);
    assert.ok(RESOURCE_KINDS.includes(resourceOf({}).kind), path);
  }
});

test("a route without an action, or without a resource, does not compile", () => {
  // @ts-expect-error: it declares no action.
  defineRoute({ method: "GET", path: "/x", resource: { kind: "lake" }, handler: () => ({}) });
  // @ts-expect-error: it declares no resource.
  defineRoute({ method: "GET", path: "/x", action: "read", handler: () => ({}) });
});
