import { randomUUID } from "node:crypto";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { isDropped } from "./catalog.ts";
import type { WarehouseContext } from "./commit.ts";
import { printExactJson } from "./formats/exact-json.ts";
import type { TableSchema } from "./formats/table-schema.ts";
import { type TableName, tableNameOf } from "./names.ts";
import type { TableIdentifier } from "./table-catalog.ts";
import {
  applyViewUpdates,
  newView,
  parseViewMetadata,
  type ViewMetadata,
  type ViewUpdate,
  type ViewVersion,
} from "./view-metadata.ts";

/** A view's metadata and the file that holds it. */
export interface CatalogView {
  readonly metadata: ViewMetadata;
  readonly metadataUri: string;
}

/** Queries with a name, in the dialects of the engines that made them. We keep them and run none. */
export interface ViewCatalog {
  /** The names of a namespace's views, sorted. */
  viewsIn(namespace: readonly string[]): Promise<readonly string[]>;
  /** @throws `not_found` */
  loadView(identifier: TableIdentifier): Promise<CatalogView>;
  /** @throws `already_exists`, also for a table of the name */
  createView(
    step: Step,
    identifier: TableIdentifier,
    view: {
      readonly schema: TableSchema;
      readonly version: ViewVersion;
      readonly properties: Readonly<Record<string, string>>;
    },
  ): Promise<CatalogView>;
  /** @throws `not_found`; `aborted` when it is not the view with one of the `uuids` */
  changeView(
    step: Step,
    identifier: TableIdentifier,
    change: { readonly uuids: readonly string[]; readonly updates: readonly ViewUpdate[] },
  ): Promise<CatalogView>;
  /** @throws `not_found` */
  dropView(step: Step, identifier: TableIdentifier): Promise<void>;
  /** @throws `not_found`, `already_exists` */
  renameView(step: Step, from: TableIdentifier, to: TableIdentifier): Promise<void>;
}

const VIEW_TYPE = "WarehouseView";
/** Where a marker lies for each view that ever was, so that views can be listed. */
export const VIEW_MARKERS = "_catalog/views/";

/** Opens the views of a warehouse. */
export function openViewCatalog(context: WarehouseContext): ViewCatalog {
  const { files, heads, catalog, clock } = context;

  async function find(name: TableName): Promise<(CatalogView & { head: Artifact }) | undefined> {
    const head = await heads.ref(`view:${name.full}`);
    if (head === undefined || isDropped(head)) return undefined;
    const text = Buffer.from(await files.read(head.uri)).toString("utf8");
    return { head, metadataUri: head.uri, metadata: parseViewMetadata(text, head.uri) };
  }

  async function load(name: TableName): Promise<CatalogView & { head: Artifact }> {
    const view = await find(name);
    if (view !== undefined) return view;
    throw new WaybillError("not_found", `There is no view "${name.full}".`);
  }

  async function vacant(name: TableName): Promise<Artifact | undefined> {
    const what = (await find(name)) ? "view" : (await catalog.find(name)) ? "table" : undefined;
    if (what !== undefined) {
      throw new WaybillError("already_exists", `There is a ${what} "${name.full}" already.`);
    }
    await files.store.put(`${VIEW_MARKERS}${name.full}`, new Uint8Array());
    return heads.ref(`view:${name.full}`);
  }

  function record(
    step: Step,
    name: TableName,
    uri: string,
    expect: Artifact | undefined,
    dropped: boolean,
  ): void {
    step.output("view", VIEW_TYPE, {
      uri,
      customProperties: { view: name.full, ...(dropped ? { dropped } : {}) },
      ref: { name: `view:${name.full}`, expect: expect?.id },
    });
  }

  async function write(metadata: ViewMetadata): Promise<string> {
    const number = String(metadata.versions.length).padStart(5, "0");
    const folder = `${files.keyOf(metadata.location)}/metadata`;
    return files.write(
      `${folder}/${number}-${randomUUID()}.metadata.json`,
      printExactJson(metadata),
    );
  }

  const nameOf = ({ namespace, name }: TableIdentifier) => tableNameOf(namespace, name);

  return {
    async viewsIn(namespace) {
      const prefix = `${namespace.join(".")}.`;
      const names: string[] = [];
      for await (const { key } of files.store.list(`${VIEW_MARKERS}${prefix}`)) {
        const name = key.slice(VIEW_MARKERS.length + prefix.length);
        const head = await heads.ref(`view:${prefix}${name}`);
        if (!name.includes(".") && head !== undefined && !isDropped(head)) names.push(name);
      }
      return names.sort();
    },

    loadView: (identifier) => load(nameOf(identifier)),

    async createView(step, identifier, { schema, version, properties }) {
      const name = nameOf(identifier);
      const before = await vacant(name);
      const folder = `${name.namespace.join(".")}/${name.table}-view-${randomUUID().slice(0, 8)}`;
      const metadata = applyViewUpdates(
        newView(files.uriOf(folder), properties),
        [
          { action: "add-schema", schema },
          { action: "add-view-version", version: { ...version, "schema-id": -1 } },
          { action: "set-current-view-version", id: -1 },
        ],
        clock.nowMs(),
      );
      const metadataUri = await write(metadata);
      record(step, name, metadataUri, before, false);
      return { metadata, metadataUri };
    },

    async changeView(step, identifier, { uuids, updates }) {
      const name = nameOf(identifier);
      const { head, metadata: before } = await load(name);
      if (uuids.some((uuid) => uuid !== before["view-uuid"])) {
        throw new WaybillError("aborted", `Requirement failed: "${name.full}" is another view.`);
      }
      const metadata = applyViewUpdates(before, updates, clock.nowMs());
      const metadataUri = await write(metadata);
      step.input("parent", head);
      record(step, name, metadataUri, head, false);
      return { metadata, metadataUri };
    },

    async dropView(step, identifier) {
      const name = nameOf(identifier);
      const { head, metadataUri } = await load(name);
      step.input("parent", head);
      record(step, name, metadataUri, head, true);
    },

    async renameView(step, from, to) {
      const { head, metadataUri } = await load(nameOf(from));
      const before = await vacant(nameOf(to));
      step.input("parent", head);
      record(step, nameOf(to), metadataUri, before, false);
      record(step, nameOf(from), metadataUri, head, true);
    },
  };
}
