import type { Schema } from "../../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { displaySchema, type SchemaDiff } from "../../schema/index.ts";
import { formatQuantity } from "../format.ts";
import { formatTable, type TableColumn } from "../table.ts";

const VALUES_SHOWN_MAX = 12;

const FEATURE_COLUMNS: readonly TableColumn[] = [
  { title: "feature", widthMax: 40 },
  { title: "type" },
  { title: "presence" },
  { title: "values" },
  { title: "domain", widthMax: 40 },
  { title: "notes", widthMax: 40 },
];

/** A schema as people read it: its features, then its sets of texts. */
export function schemaText(schema: Schema): string {
  const { features, domains } = displaySchema(schema);
  const environments =
    schema.defaultEnvironment.length === 0
      ? ""
      : `\nenvironments: ${schema.defaultEnvironment.join(", ")}`;
  const table = formatTable(
    FEATURE_COLUMNS,
    features.map(({ feature, type, presence, valency, domain, notes }) => [
      feature,
      type,
      presence,
      valency,
      domain,
      notes,
    ]),
  );
  const sets = formatTable(
    [
      { title: "domain", widthMax: 40 },
      { title: "values", widthMax: 100 },
    ],
    domains.map(({ domain, values }) => [domain, valuesText(values)]),
  );
  return `${schemaSummary(schema)}${environments}\n${table}${domains.length === 0 ? "" : `\n\n${sets}`}`;
}

/** How much there is: `18 features, 3 domains`. */
export function schemaSummary(schema: Schema): string {
  const domains = schema.stringDomain.length;
  return `${formatQuantity(schema.feature.length, "feature")}${domains === 0 ? "" : `, ${formatQuantity(domains, "domain")}`}`;
}

/** Changes of a schema: what, from what to what, and what that does to which data passes. */
export function changesText(changes: SchemaDiff["changes"]): string {
  return formatTable(
    [
      { title: "where", widthMax: 40 },
      { title: "field" },
      { title: "before", widthMax: 40 },
      { title: "after", widthMax: 40 },
      { title: "effect" },
    ],
    changes.map(({ subject, field, before, after, effect }) => [
      subject,
      field,
      before ?? "",
      after ?? "",
      effect,
    ]),
  );
}

function valuesText(values: readonly string[]): string {
  const shown = values.slice(0, VALUES_SHOWN_MAX).join(", ");
  const more = values.length - VALUES_SHOWN_MAX;
  return more > 0 ? `${values.length}: ${shown}, ...` : shown;
}
