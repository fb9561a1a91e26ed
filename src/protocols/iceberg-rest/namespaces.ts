import type { RouteRequest, RouteResponse } from "../../server/index.ts";
import { catalogJson, type TableCatalog } from "../../warehouse/index.ts";
import { CatalogError, worded } from "./errors.ts";
import { pageOf } from "./pages.ts";
import type { Record } from "./recording.ts";
import { exactResponse, levelsOf, membersOf, NO_CONTENT } from "./wire.ts";

type OfNamespace = RouteRequest<{ readonly namespace: string }>;

/** What is done with namespaces. */
export function namespaceHandlers(catalog: TableCatalog, record: Record) {
  const headOf = (levels: readonly string[]) => `namespace:${levels.join(".")}`;

  return {
    async list({ query }: RouteRequest<object>): Promise<RouteResponse> {
      const parent = query.get("parent");
      const levels = parent === null || parent === "" ? [] : levelsOf(parent);
      const found = await worded("namespace", catalog.namespaces(levels));
      const { items, ...token } = pageOf(found, query, (name) => name.join("."));
      return exactResponse({ namespaces: items, ...token });
    },

    async create(request: RouteRequest<object>): Promise<RouteResponse> {
      const members = await membersOf(request as RouteRequest);
      const levels = catalogJson.textList(members["namespace"], "namespace");
      const properties = catalogJson.texts(members["properties"], "properties");
      await worded(
        "namespace",
        record(request as RouteRequest, "CreateNamespace", {
          heads: [headOf(levels)],
          parameters: { namespace: levels.join(".") },
          body: (step) => catalog.createNamespace(step, levels, properties),
        }),
      );
      return exactResponse({ namespace: levels, properties });
    },

    async load({ method, params }: OfNamespace): Promise<RouteResponse> {
      const levels = levelsOf(params.namespace);
      const properties = await worded("namespace", catalog.namespace(levels));
      return method === "HEAD" ? NO_CONTENT : exactResponse({ namespace: levels, properties });
    },

    async drop(request: OfNamespace): Promise<RouteResponse> {
      const levels = levelsOf(request.params.namespace);
      await worded(
        "namespace",
        record(request, "DropNamespace", {
          heads: [headOf(levels)],
          parameters: { namespace: levels.join(".") },
          body: (step) => catalog.dropNamespace(step, levels),
        }),
      );
      return NO_CONTENT;
    },

    async setProperties(request: OfNamespace): Promise<RouteResponse> {
      const levels = levelsOf(request.params.namespace);
      const members = await membersOf(request);
      const updates = catalogJson.texts(members["updates"], "updates");
      const removals = catalogJson.textList(members["removals"], "removals");
      const both = removals.find((key) => Object.hasOwn(updates, key));
      if (both !== undefined) {
        const message = `"${both}" is both set and removed.`;
        throw new CatalogError(422, "invalid_argument", "UnprocessableEntityException", message);
      }
      const change = await worded(
        "namespace",
        record(request, "AlterNamespace", {
          heads: [headOf(levels)],
          parameters: { namespace: levels.join(".") },
          body: (step) => catalog.setNamespaceProperties(step, levels, { updates, removals }),
        }),
      );
      return exactResponse(change);
    },
  };
}
