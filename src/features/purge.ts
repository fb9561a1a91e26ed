import { type Clock, systemClock, WaybillError } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { readEntityKey } from "./entity-key.ts";
import { collectionOf, keyWriterOf, wholeView } from "./materialize.ts";
import type { OnlineStore } from "./online/port.ts";
import { featureViewOf, type Registry } from "./registry.ts";
import { suggestion } from "./suggest.ts";
import { type FeatureValue, featureValueOf, type KeyType } from "./value-type.ts";

/** How many rows of a view were removed from the online store. */
export interface Purged {
  readonly view: string;
  readonly removedCount: number;
}

/**
 * Removes what is older than its view's ttl from the online store: it would be answered as OUTSIDE_MAX_AGE.
 * Views without a ttl keep everything.
 * @throws `not_found` for an unknown view
 */
export async function purgeExpired(
  step: Step,
  store: OnlineStore,
  options: {
    readonly registry: Registry;
    /** Names of feature views; all of them when left out. */
    readonly views?: readonly string[];
    readonly clock?: Clock;
  },
): Promise<Purged[]> {
  const { registry, clock = systemClock } = options;
  const nowUs = BigInt(clock.nowMs()) * 1000n;
  const purged: Purged[] = [];
  for (const name of options.views ?? registry.featureViews.keys()) {
    step.signal.throwIfAborted();
    const { ttlSeconds } = featureViewOf(registry, name);
    if (ttlSeconds === 0) continue;
    const oldest = nowUs - BigInt(Math.round(ttlSeconds * 1e6));
    const removedCount = await store.deleteOlderThan(collectionOf(registry, name), oldest);
    purged.push({ view: name, removedCount });
  }
  record(step, registry, purged);
  return purged;
}

/**
 * Removes everything that the online store has of some subject, in every view that is keyed by it: by key
 * where the join keys are just these, else by looking through the view.
 * @param options.entity join key -> value, for example `{ driver_id: 1001 }`
 * @throws `invalid_argument` when no view has these join keys, or when a value is not of the key's type
 */
export async function purgeEntity(
  step: Step,
  store: OnlineStore,
  options: {
    readonly registry: Registry;
    readonly entity: Readonly<Record<string, unknown>>;
  },
): Promise<Purged[]> {
  const { registry, entity } = options;
  const names = Object.keys(entity);
  const purged: Purged[] = [];
  const known = new Set<string>();
  for (const view of registry.featureViews.values()) {
    step.signal.throwIfAborted();
    const planned = wholeView(registry, view);
    for (const { name } of planned.joinKeys) known.add(name);
    const values = new Map(
      planned.joinKeys
        .filter(({ name }) => names.includes(name))
        .map(({ name, type }) => [name, keyValue(name, type, entity[name])]),
    );
    if (names.length === 0 || values.size !== names.length) continue;
    const collection = collectionOf(registry, view.name);
    const removedCount =
      values.size === planned.joinKeys.length
        ? await store.delete(collection, [
            keyWriterOf(planned).key(planned.joinKeys.map(({ name }) => values.get(name) ?? null)),
          ])
        : await deleteMatching(store, collection, values);
    purged.push({ view: view.name, removedCount });
  }
  if (purged.length === 0) {
    throw new WaybillError(
      "invalid_argument",
      `No feature view is keyed by ${names.map((name) => `"${name}"`).join(", ") || "nothing"}.`,
      { hint: suggestion(names[0] ?? "", known) },
    );
  }
  record(step, registry, purged);
  return purged;
}

async function deleteMatching(
  store: OnlineStore,
  collection: string,
  wanted: ReadonlyMap<string, FeatureValue>,
): Promise<number> {
  let removed = 0;
  for await (const rows of store.scan(collection)) {
    const keys = rows
      .map(({ key }) => key)
      .filter((key) => {
        const values = readEntityKey(key);
        return [...wanted].every(([name, value]) => isSame(values.get(name), value));
      });
    if (keys.length > 0) removed += await store.delete(collection, keys);
  }
  return removed;
}

function keyValue(name: string, type: KeyType, given: unknown): FeatureValue {
  const value = featureValueOf(type, given, `"${name}"`);
  if (value === null) throw new WaybillError("invalid_argument", `"${name}" is null.`);
  // As a key a time is whole seconds.
  return type === "UNIX_TIMESTAMP" && typeof value === "bigint"
    ? value - (value % 1_000_000n)
    : value;
}

function isSame(left: FeatureValue | undefined, right: FeatureValue): boolean {
  return left instanceof Uint8Array && right instanceof Uint8Array
    ? Buffer.compare(left, right) === 0
    : left === right;
}

function record(step: Step, registry: Registry, purged: readonly Purged[]): void {
  if (registry.artifact !== undefined) step.input("registry", registry.artifact);
  step.note(
    "removed",
    Object.fromEntries(purged.map(({ view, removedCount }) => [view, removedCount])),
  );
}
