import type { Recorder } from "../../metadata/index.ts";
import type { Action } from "../../protection/index.ts";
import {
  defineRoute,
  type ParamsOf,
  type Route,
  type RouteRequest,
  type RouteResponse,
} from "../../server/index.ts";
import type { Warehouse } from "../../warehouse/index.ts";
import { CatalogError, catalogErrorBody } from "./errors.ts";
import { namespaceHandlers } from "./namespaces.ts";
import { recordWith } from "./recording.ts";
import { tableHandlers } from "./tables.ts";
import { viewHandlers } from "./views.ts";
import { exactResponse, levelsOf } from "./wire.ts";

/** What the routes serve. */
export interface IcebergRestOptions {
  readonly warehouse: Warehouse;
  readonly recorder: Recorder;
}

const BODY_BYTES_MAX = 32 << 20;

type Handler<Params> = (request: RouteRequest<Params>) => Promise<RouteResponse>;

/**
 * The Iceberg REST catalog for `http://HOST:PORT/iceberg`: namespaces, tables, commits of one table or
 * several. Each commit is an Execution with who made it, and its own snapshot's lineage.
 * Source: Apache Iceberg, open-api/rest-catalog-open-api.yaml.
 */
export function icebergRoutes(options: IcebergRestOptions): readonly Route[] {
  const { catalog } = options.warehouse;
  const record = recordWith(options.recorder);
  const namespaces = namespaceHandlers(catalog, record);
  const tables = tableHandlers(catalog, record);
  const views = viewHandlers(catalog, record);
  const routes: Route[] = [];
  const endpoints: string[] = [];

  function serve<const Path extends string>(
    method: "GET" | "POST" | "DELETE",
    path: Path,
    action: Action,
    handler: Handler<ParamsOf<Path>>,
  ): void {
    routes.push(
      defineRoute({
        method,
        path: `/iceberg/v1${path}`,
        action,
        resource: (params) => resourceOf(params),
        bodyBytesMax: BODY_BYTES_MAX,
        errorBody: catalogErrorBody,
        // The pattern with the prefix names the same parameters.
        handler: (request) => handler(request as unknown as RouteRequest<ParamsOf<Path>>),
      }),
    );
    const spelled = path.replace(/:([a-z]+)/g, "{$1}");
    if (path === "/config") return;
    endpoints.push(`${method} /v1/{prefix}${spelled}`);
    if (method === "GET") endpoints.push(`HEAD /v1/{prefix}${spelled}`);
  }

  serve("GET", "/config", "read", async () =>
    exactResponse({ defaults: {}, overrides: {}, endpoints: endpoints.filter(isOffered) }),
  );
  serve("GET", "/namespaces", "read", namespaces.list);
  serve("POST", "/namespaces", "write", namespaces.create);
  serve("GET", "/namespaces/:namespace", "read", namespaces.load);
  serve("DELETE", "/namespaces/:namespace", "write", namespaces.drop);
  serve("POST", "/namespaces/:namespace/properties", "write", namespaces.setProperties);
  serve("GET", "/namespaces/:namespace/tables", "read", tables.list);
  serve("POST", "/namespaces/:namespace/tables", "write", tables.create);
  serve("POST", "/namespaces/:namespace/register", "write", tables.register);
  serve("GET", "/namespaces/:namespace/tables/:table", "read", tables.load);
  serve("POST", "/namespaces/:namespace/tables/:table", "write", tables.commit);
  serve("DELETE", "/namespaces/:namespace/tables/:table", "write", tables.drop);
  serve("POST", "/namespaces/:namespace/tables/:table/metrics", "read", tables.metrics);
  serve("POST", "/tables/rename", "write", tables.rename);
  serve("POST", "/transactions/commit", "write", tables.commitAll);
  serve("GET", "/namespaces/:namespace/views", "read", views.list);
  serve("POST", "/namespaces/:namespace/views", "write", views.create);
  serve("GET", "/namespaces/:namespace/views/:view", "read", views.load);
  serve("POST", "/namespaces/:namespace/views/:view", "write", views.change);
  serve("DELETE", "/namespaces/:namespace/views/:view", "write", views.drop);
  serve("POST", "/views/rename", "write", views.rename);
  return [...routes, ...(["GET", "POST", "DELETE"] as const).map(unknownRoute)];
}

/** HEAD is offered for single namespaces, tables and views only. */
function isOffered(endpoint: string): boolean {
  return !endpoint.startsWith("HEAD") || /\{(namespace|table|view)\}$/.test(endpoint);
}

function resourceOf(params: {
  readonly namespace?: string;
  readonly table?: string;
  readonly view?: string;
}) {
  const { namespace, view, table = view } = params;
  if (namespace === undefined) return { kind: "warehouse" } as const;
  const name = [...levelsOf(namespace), ...(table === undefined ? [] : [table])].join(".");
  return { kind: "warehouse", name } as const;
}

function unknownRoute(method: "GET" | "POST" | "DELETE"): Route {
  return defineRoute({
    method,
    path: "/iceberg/*rest",
    action: "read",
    resource: { kind: "warehouse" },
    errorBody: catalogErrorBody,
    handler: ({ params }) => {
      // Spark asks so for `table.snapshots`, with an empty namespace, before it tries a metadata table.
      if (/^v1\/namespaces\/\/tables\/[^/]+$/.test(params.rest)) {
        throw new CatalogError(
          404,
          "not_found",
          "NoSuchTableException",
          "A table has a namespace.",
        );
      }
      throw new CatalogError(
        404,
        "not_found",
        "NotFoundException",
        "Nothing answers at this path.",
      );
    },
  });
}
