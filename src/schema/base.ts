import { clone } from "@bufbuild/protobuf";
import { type Schema, SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { WaybillError } from "../foundation/index.ts";

/**
 * The schema of one of several sources that share a base: all that the base says, with what the source
 * says of its own. A feature, string domain, or sparse or weighted feature of the source stands in for
 * that of the same name in the base; environments are those of both; constraints on the dataset are the
 * source's where it has any. Neither schema is changed.
 * @throws WaybillError `invalid_argument` when the source gives a feature of the base another type: what
 *   shares a base must be readable as the base
 */
export function extendSchema(base: Schema, own: Schema): Schema {
  for (const feature of own.feature) {
    const shared = base.feature.find(({ name }) => name === feature.name);
    if (shared === undefined || shared.type === feature.type) continue;
    throw new WaybillError(
      "invalid_argument",
      `The feature "${feature.name}" has another type than in the base schema.`,
      { hint: "Give it another name, or change the base for all of its sources." },
    );
  }
  const extended = clone(SchemaSchema, base);
  const added = clone(SchemaSchema, own);
  extended.feature = override(extended.feature, added.feature);
  extended.stringDomain = override(extended.stringDomain, added.stringDomain);
  extended.intDomain = override(extended.intDomain, added.intDomain);
  extended.floatDomain = override(extended.floatDomain, added.floatDomain);
  extended.sparseFeature = override(extended.sparseFeature, added.sparseFeature);
  extended.weightedFeature = override(extended.weightedFeature, added.weightedFeature);
  extended.defaultEnvironment = [
    ...new Set([...extended.defaultEnvironment, ...added.defaultEnvironment]),
  ];
  Object.assign(extended.tensorRepresentationGroup, added.tensorRepresentationGroup);
  if (added.datasetConstraints !== undefined) {
    extended.datasetConstraints = added.datasetConstraints;
  }
  if (added.annotation !== undefined) extended.annotation = added.annotation;
  return extended;
}

/** Items of the base in its order, replaced by name where the source has its own; new ones after them. */
function override<T extends { readonly name: string }>(base: readonly T[], own: readonly T[]): T[] {
  const byName = new Map(own.map((item) => [item.name, item]));
  const names = new Set(base.map(({ name }) => name));
  return [
    ...base.map((item) => byName.get(item.name) ?? item),
    ...own.filter(({ name }) => !names.has(name)),
  ];
}
