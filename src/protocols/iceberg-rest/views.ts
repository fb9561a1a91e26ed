import type { RouteRequest, RouteResponse } from "../../server/index.ts";
import { type CatalogView, catalogJson, type TableCatalog } from "../../warehouse/index.ts";
import { worded } from "./errors.ts";
import { pageOf } from "./pages.ts";
import type { Record } from "./recording.ts";
import {
  exactResponse,
  fullName,
  identifierIn,
  levelsOf,
  mayWrite,
  membersOf,
  NO_CONTENT,
  nameIn,
} from "./wire.ts";

type OfNamespace = RouteRequest<{ readonly namespace: string }>;
type OfView = RouteRequest<{ readonly namespace: string; readonly view: string }>;

/** What is done with views. */
export function viewHandlers(catalog: TableCatalog, record: Record) {
  const identified = ({ namespace, view }: OfView["params"]) => ({
    namespace: levelsOf(namespace),
    name: view,
  });

  return {
    async list({ params, query }: OfNamespace): Promise<RouteResponse> {
      const namespace = levelsOf(params.namespace);
      await worded("namespace", catalog.namespace(namespace));
      const names = await catalog.viewsIn(namespace);
      const { items, ...token } = pageOf(names, query, (name) => name);
      return exactResponse({ identifiers: items.map((name) => ({ namespace, name })), ...token });
    },

    async create(request: OfNamespace): Promise<RouteResponse> {
      const members = await membersOf(request);
      const identifier = { namespace: levelsOf(request.params.namespace), name: nameIn(members) };
      mayWrite(request, identifier);
      const view = {
        schema: catalogJson.schema(members["schema"]),
        version: catalogJson.viewVersion(members["view-version"]),
        properties: catalogJson.texts(members["properties"], "properties"),
      };
      await worded("namespace", catalog.namespace(identifier.namespace));
      const made = await worded(
        "view",
        record(request, "CreateView", {
          heads: [`view:${fullName(identifier)}`, `table:${fullName(identifier)}`],
          parameters: { view: fullName(identifier) },
          body: (step) => catalog.createView(step, identifier, view),
        }),
      );
      return exactResponse(viewJson(made));
    },

    async load({ method, params }: OfView): Promise<RouteResponse> {
      const view = await worded("view", catalog.loadView(identified(params)));
      return method === "HEAD" ? NO_CONTENT : exactResponse(viewJson(view));
    },

    async change(request: OfView): Promise<RouteResponse> {
      const identifier = identified(request.params);
      const members = await membersOf(request);
      const change = {
        uuids: catalogJson.viewRequirements(members["requirements"]),
        updates: catalogJson.viewUpdates(members["updates"]),
      };
      const view = await worded(
        "view",
        record(request, "AlterView", {
          heads: [`view:${fullName(identifier)}`],
          parameters: { view: fullName(identifier) },
          body: (step) => catalog.changeView(step, identifier, change),
        }),
      );
      return exactResponse(viewJson(view));
    },

    async drop(request: OfView): Promise<RouteResponse> {
      const identifier = identified(request.params);
      await worded(
        "view",
        record(request, "DropView", {
          heads: [`view:${fullName(identifier)}`],
          parameters: { view: fullName(identifier) },
          body: (step) => catalog.dropView(step, identifier),
        }),
      );
      return NO_CONTENT;
    },

    async rename(request: RouteRequest<object>): Promise<RouteResponse> {
      // A route without parameters: the handler needs none of them.
      const plain = request as RouteRequest;
      const members = await membersOf(plain);
      const from = identifierIn(members["source"]);
      const to = identifierIn(members["destination"]);
      for (const identifier of [from, to]) mayWrite(plain, identifier);
      await worded("view", catalog.loadView(from));
      await worded("namespace", catalog.namespace(to.namespace));
      await worded(
        "view",
        record(plain, "RenameView", {
          heads: [from, to].map((identifier) => `view:${fullName(identifier)}`),
          parameters: { view: fullName(from), to: fullName(to) },
          body: (step) => catalog.renameView(step, from, to),
        }),
      );
      return NO_CONTENT;
    },
  };
}

function viewJson({ metadata, metadataUri }: CatalogView) {
  return { "metadata-location": metadataUri, metadata, config: {} };
}
