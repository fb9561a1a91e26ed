import { type Feature, FeatureType } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../../foundation/index.ts";
import type { StatisticsOptions } from "../options.ts";
import type { DatasetPartial } from "../partial.ts";
import { StringBudget } from "../string-counter.ts";
import type { Example, ExampleSource, ValueKind } from "./example.ts";
import { type FeatureTreatment, StructAccumulator } from "./feature-accumulator.ts";
import { LinkAccumulator, linksOf } from "./links.ts";
import { ALL_EXAMPLES, MAX_SLICES, sliceKeysOf } from "./slices.ts";

/** What is known of the data beforehand. */
interface CountOptions extends StatisticsOptions {
  readonly signal?: AbortSignal | undefined;
  /** Features that exist even when no example holds them, and what they then are. */
  readonly kinds?: ReadonlyMap<string, ValueKind> | undefined;
}

/**
 * Counts examples one by one: every statistic, with weights, slices, nesting and a sample, of any source.
 * Slower than what the engines and the scanner of delimited text do, and used for what they do not.
 * @returns the whole first, then slices by key
 * @throws WaybillError `invalid_argument` without an example, for a weight that is missing or too many
 * slices; `data_loss` for values of several kinds
 */
export async function countExamples(
  source: ExampleSource,
  options: CountOptions,
): Promise<DatasetPartial[]> {
  const slices = options.sliceFeatures ?? [];
  const budget = new StringBudget();
  const whole = new DatasetAccumulator(slices.length > 0 ? ALL_EXAMPLES : "", options, budget);
  const sliced = new Map<string, DatasetAccumulator>();
  const keep = samplerOf(options.sampleRate);
  const allowlist =
    options.featureAllowlist === undefined ? undefined : new Set(options.featureAllowlist);
  let place = 0;
  for await (const batch of source) {
    if (options.signal?.aborted) throw new WaybillError("cancelled", "Interrupted.");
    for (const example of batch) {
      if (!keep(place++)) continue;
      const weights = weightsOf(example, place, options);
      const counted = allowlist === undefined ? example : only(example, allowlist);
      whole.add(counted, example, weights);
      for (const key of sliceKeysOf(example, slices)) {
        let slice = sliced.get(key);
        if (slice === undefined) {
          if (sliced.size >= MAX_SLICES) throw tooManySlices();
          slice = new DatasetAccumulator(key, options, budget);
          sliced.set(key, slice);
        }
        slice.add(counted, example, weights);
      }
    }
  }
  if (whole.examples === 0) {
    throw new WaybillError("invalid_argument", "The data has no examples.", {
      hint: "Check the files and the sample rate.",
    });
  }
  const keys = [...sliced.keys()].sort();
  return [whole.finish(), ...keys.map((key) => sliced.get(key)!.finish())];
}

interface Weights {
  readonly example: number;
  readonly of: (name: string) => number;
}

class DatasetAccumulator {
  readonly #name: string;
  readonly #isWeighted: boolean;
  readonly #root: StructAccumulator;
  readonly #links: readonly LinkAccumulator[];

  constructor(name: string, options: CountOptions, budget: StringBudget) {
    this.#name = name;
    this.#isWeighted = options.weightFeature !== undefined;
    this.#root = new StructAccumulator([], treatments(options), budget);
    this.#links = linksOf(options.schema).map((link) => new LinkAccumulator(link));
    const allowlist = options.featureAllowlist;
    for (const [feature, kind] of options.kinds ?? []) {
      if (allowlist?.includes(feature) ?? true) this.#root.declare(feature).expect(kind);
    }
  }

  get examples(): number {
    return this.#root.rows;
  }

  add(counted: Example, example: Example, weights: Weights): void {
    this.#root.add(counted, weights.example, weights.of);
    for (const link of this.#links) link.add(example);
  }

  finish(): DatasetPartial {
    const linked = this.#links.map((link) => link.finish());
    return {
      name: this.#name,
      examples: this.#root.rows,
      ...(this.#isWeighted ? { weightedExamples: this.#root.weight } : {}),
      features: this.#root.finish(true),
      ...(linked.length === 0 ? {} : { linked }),
    };
  }
}

/** What the schema and the weights say of a feature. */
function treatments(options: CountOptions): (name: string) => FeatureTreatment {
  const { schema, weightFeature, perFeatureWeight = {} } = options;
  const features = new Map(schema?.feature.map((feature) => [feature.name, feature]));
  return (name) => {
    const feature = features.get(name);
    return {
      isWeighted: weightFeature !== undefined || perFeatureWeight[name] !== undefined,
      isCategorical: isCategoricalInteger(feature),
      isBytes: feature?.domainInfo.case === "imageDomain",
    };
  };
}

/** Whether the numbers of a feature stand for categories. Source: TFDV, is_categorical_feature. */
export function isCategoricalInteger(feature: Feature | undefined): boolean {
  if (feature === undefined || feature.type !== FeatureType.INT) return false;
  const { domainInfo } = feature;
  if (domainInfo.case === "intDomain") return domainInfo.value.isCategorical;
  return domainInfo.case === "boolDomain" || domainInfo.case === "naturalLanguageDomain";
}

function only(example: Example, names: ReadonlySet<string>): Example {
  return new Map([...example].filter(([name]) => names.has(name)));
}

function weightsOf(example: Example, place: number, options: StatisticsOptions): Weights {
  const { weightFeature, perFeatureWeight = {} } = options;
  const whole = weightFeature === undefined ? 0 : weightIn(example, weightFeature, place);
  const others = Object.entries(perFeatureWeight);
  if (others.length === 0) return { example: whole, of: () => whole };
  const byName = new Map(
    others.map(([name, feature]) => [name, weightIn(example, feature, place)]),
  );
  return { example: whole, of: (name) => byName.get(name) ?? whole };
}

function weightIn(example: Example, feature: string, place: number): number {
  const value = example.get(feature);
  const [weight] = value?.items ?? [];
  if (typeof weight === "number" && value!.items.length === 1 && value!.depth === 1) return weight;
  throw new WaybillError(
    "invalid_argument",
    `Example ${place.toLocaleString("en")} has no single number in the weight feature "${feature}".`,
    { hint: "Every example needs one weight: fill it in, or count without weights." },
  );
}

/** Keeps a part of the examples by a hash of their places, so that equal data gives equal samples. */
function samplerOf(rate: number | undefined): (place: number) => boolean {
  if (rate === undefined) return () => true;
  if (!(rate > 0 && rate <= 1)) {
    throw new WaybillError("invalid_argument", `sampleRate is ${rate}; it is above 0, at most 1.`, {
      hint: "Leave it out to count everything.",
    });
  }
  const limit = rate * 2 ** 32;
  return (place) => {
    let hash = Math.imul(place ^ (place >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0 < limit;
  };
}

function tooManySlices(): WaybillError {
  return new WaybillError(
    "resource_exhausted",
    `The slices are more than ${MAX_SLICES.toLocaleString("en")}.`,
    { hint: "Name the values to slice by, or slice by a feature with fewer values." },
  );
}
