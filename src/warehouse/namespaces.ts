import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import { WaybillError } from "../foundation/index.ts";
import { propertiesOf, type Step } from "../metadata/index.ts";
import { isDropped } from "./catalog.ts";
import type { WarehouseContext } from "./commit.ts";
import { checkNamespace } from "./names.ts";
import { openViewCatalog, VIEW_MARKERS } from "./view-catalog.ts";

/** A change of a namespace's properties, and what came of it. */
export interface NamespaceChange {
  readonly updated: readonly string[];
  readonly removed: readonly string[];
  readonly missing: readonly string[];
}

/**
 * The namespaces of a warehouse: they order tables by subject, may be nested, and have properties.
 * A namespace is there once it was made, or has a table or another namespace in it.
 */
export interface Namespaces {
  /** Those in a namespace, or the outermost, sorted. @throws `not_found` for a missing parent */
  namespaces(parent?: readonly string[]): Promise<readonly (readonly string[])[]>;

  /** The properties of a namespace. @throws `not_found` */
  namespace(levels: readonly string[]): Promise<Readonly<Record<string, string>>>;

  /** @throws `already_exists` */
  createNamespace(
    step: Step,
    levels: readonly string[],
    properties?: Readonly<Record<string, string>>,
  ): Promise<void>;

  /** @throws `not_found`; `invalid_argument` for a key that is both set and removed */
  setNamespaceProperties(
    step: Step,
    levels: readonly string[],
    change: {
      readonly updates: Readonly<Record<string, string>>;
      readonly removals: readonly string[];
    },
  ): Promise<NamespaceChange>;

  /** @throws `not_found`; `failed_precondition` when something is in it */
  dropNamespace(step: Step, levels: readonly string[]): Promise<void>;
}

const NAMESPACE_TYPE = "WarehouseNamespace";
const NAMESPACE_MARKERS = "_catalog/namespaces/";

/** Opens the namespaces of a warehouse. */
export function openNamespaces(context: WarehouseContext): Namespaces {
  const { catalog, files, heads } = context;

  async function headOf(full: string): Promise<Artifact | undefined> {
    return heads.ref(`namespace:${full}`);
  }

  /** The full names of all namespaces: made ones, and those that something is in. */
  async function all(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const add = (levels: readonly string[]) => {
      for (let length = levels.length; length > 0; length--) {
        found.add(levels.slice(0, length).join("."));
      }
    };
    for await (const { key } of files.store.list(NAMESPACE_MARKERS)) {
      const full = key.slice(NAMESPACE_MARKERS.length);
      const head = await headOf(full);
      if (head !== undefined && !isDropped(head)) add(full.split("."));
    }
    for (const table of await catalog.names()) add(table.split(".").slice(0, -1));
    for await (const { key } of files.store.list(VIEW_MARKERS)) {
      const view = key.slice(VIEW_MARKERS.length);
      const head = await heads.ref(`view:${view}`);
      if (head !== undefined && !isDropped(head)) add(view.split(".").slice(0, -1));
    }
    return found;
  }

  async function existing(levels: readonly string[]): Promise<Artifact | undefined> {
    checkNamespace(levels);
    const full = levels.join(".");
    const head = await headOf(full);
    if (head !== undefined && !isDropped(head)) return head;
    if ((await all()).has(full)) return undefined;
    throw new WaybillError("not_found", `There is no namespace "${full}".`);
  }

  function record(
    step: Step,
    full: string,
    head: Artifact | undefined,
    state: { readonly properties: Readonly<Record<string, string>>; readonly dropped?: boolean },
  ): void {
    step.output("namespace", NAMESPACE_TYPE, {
      uri: files.uriOf(full),
      customProperties: { namespace: full, ...state },
      ref: { name: `namespace:${full}`, expect: head?.id },
    });
  }

  return {
    async namespaces(parent = []) {
      const names = [...(await all())].map((full) => full.split("."));
      if (parent.length > 0) await existing(parent);
      const prefix = parent.join(".");
      return names
        .filter(
          (levels) =>
            levels.length === parent.length + 1 && levels.slice(0, -1).join(".") === prefix,
        )
        .sort((a, b) => (a.join(".") < b.join(".") ? -1 : 1));
    },

    async namespace(levels) {
      const head = await existing(levels);
      return head === undefined ? {} : propertiesIn(head);
    },

    async createNamespace(step, levels, properties = {}) {
      checkNamespace(levels);
      const full = levels.join(".");
      const head = await headOf(full);
      if ((await all()).has(full)) {
        throw new WaybillError("already_exists", `The namespace "${full}" exists already.`);
      }
      await files.store.put(`${NAMESPACE_MARKERS}${full}`, new Uint8Array());
      record(step, full, head, { properties });
    },

    async setNamespaceProperties(step, levels, { updates, removals }) {
      const both = removals.find((key) => Object.hasOwn(updates, key));
      if (both !== undefined) {
        throw new WaybillError("invalid_argument", `"${both}" is both set and removed.`);
      }
      const full = levels.join(".");
      const live = await existing(levels);
      const head = live ?? (await headOf(full));
      const before = live === undefined ? {} : propertiesIn(live);
      const kept = Object.entries(before).filter(([key]) => !removals.includes(key));
      await files.store.put(`${NAMESPACE_MARKERS}${full}`, new Uint8Array());
      record(step, full, head, { properties: { ...Object.fromEntries(kept), ...updates } });
      return {
        updated: Object.keys(updates),
        removed: removals.filter((key) => Object.hasOwn(before, key)),
        missing: removals.filter((key) => !Object.hasOwn(before, key)),
      };
    },

    async dropNamespace(step, levels) {
      const head = await existing(levels);
      const full = levels.join(".");
      const isFull =
        head === undefined ||
        (await catalog.names(`${full}.`)).length > 0 ||
        (await openViewCatalog(context).viewsIn(levels)).length > 0 ||
        [...(await all())].some((other) => other.startsWith(`${full}.`));
      if (isFull) {
        throw new WaybillError("failed_precondition", `The namespace "${full}" is not empty.`, {
          hint: "Drop its tables and namespaces first.",
        });
      }
      record(step, full, head, { properties: propertiesIn(head), dropped: true });
    },
  };
}

function propertiesIn(head: Artifact): Readonly<Record<string, string>> {
  const properties = propertiesOf(head)["properties"];
  if (properties === null || typeof properties !== "object") return {};
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, String(value)]));
}
