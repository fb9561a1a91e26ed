import { defineRoute, jsonResponse, type Route } from "./route.ts";

/** What is not ready yet, by name with the reason; empty when all is. */
export type Readiness = () => Promise<Readonly<Record<string, string>>>;

/** `/healthz` says that the process lives, `/readyz` that it can take work. */
export function healthRoutes(
  isStopping: () => boolean,
  readiness: Readiness = () => Promise.resolve({}),
): readonly Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/healthz",
      action: "public",
      resource: { kind: "server" },
      handler: () => jsonResponse({ status: "ok" }),
    }),
    defineRoute({
      method: "GET",
      path: "/readyz",
      action: "public",
      resource: { kind: "server" },
      handler: async () => {
        const waitingFor = isStopping() ? { server: "is stopping" } : await readiness();
        const isReady = Object.keys(waitingFor).length === 0;
        return jsonResponse(isReady ? { status: "ready" } : { status: "not ready", waitingFor }, {
          status: isReady ? 200 : 503,
        });
      },
    }),
  ];
}
