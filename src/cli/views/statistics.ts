import type {
  CommonStatistics,
  DatasetFeatureStatistics,
  DatasetFeatureStatisticsList,
  FeatureNameStatistics,
} from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { FeatureNameStatistics_Type } from "../../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { formatNumber, formatQuantity, formatShare } from "../format.ts";
import { formatTable, type TableColumn } from "../table.ts";

const COLUMNS: readonly TableColumn[] = [
  { title: "feature", widthMax: 32 },
  { title: "type" },
  { title: "present", align: "right" },
  { title: "missing", align: "right" },
  { title: "unique", align: "right" },
  { title: "mean", align: "right" },
  { title: "min", align: "right" },
  { title: "median", align: "right" },
  { title: "max", align: "right" },
  { title: "most frequent", widthMax: 28 },
];

/** Statistics as people read them: a table for each dataset or slice, a row for each feature. */
export function statisticsText(list: DatasetFeatureStatisticsList): string {
  return list.datasets.map(datasetText).join("\n\n");
}

/** How much there is, in a few words: `10,000 examples, 18 features`. */
export function statisticsSummary(list: DatasetFeatureStatisticsList): string {
  const [first] = list.datasets;
  if (first === undefined) return "no examples";
  const slices =
    list.datasets.length > 1 ? `, ${formatQuantity(list.datasets.length, "slice")}` : "";
  return `${formatQuantity(first.numExamples, "example")}, ${formatQuantity(first.features.length, "feature")}${slices}`;
}

function datasetText(dataset: DatasetFeatureStatistics): string {
  const name = dataset.name === "" ? "" : `${dataset.name}: `;
  const title = `${name}${formatQuantity(dataset.numExamples, "example")}, ${formatQuantity(dataset.features.length, "feature")}`;
  if (dataset.features.length === 0) return title;
  return `${title}\n${formatTable(COLUMNS, dataset.features.map(featureRow))}`;
}

function featureRow(feature: FeatureNameStatistics): string[] {
  const common = commonOf(feature);
  const { stats } = feature;
  return [
    featureName(feature),
    typeName(feature),
    common === undefined ? "" : formatNumber(Number(common.numNonMissing)),
    missingShare(common),
    stats.case === "stringStats" || stats.case === "bytesStats"
      ? formatNumber(Number(stats.value.unique))
      : "",
    ...(stats.case === "numStats"
      ? [stats.value.mean, stats.value.min, stats.value.median, stats.value.max].map((value) =>
          formatNumber(value),
        )
      : ["", "", "", ""]),
    stats.case === "stringStats" ? mostFrequent(stats.value.topValues) : "",
  ];
}

function featureName({ fieldId }: FeatureNameStatistics): string {
  if (fieldId.case === "path") return fieldId.value.step.join(".");
  return fieldId.value ?? "";
}

function typeName({ type }: FeatureNameStatistics): string {
  const found = Object.entries(FeatureNameStatistics_Type).find(([, value]) => value === type);
  return found?.[0] ?? String(type);
}

function commonOf({ stats }: FeatureNameStatistics): CommonStatistics | undefined {
  return stats.case === undefined ? undefined : stats.value.commonStats;
}

function missingShare(common: CommonStatistics | undefined): string {
  if (common === undefined) return "";
  const all = Number(common.numNonMissing + common.numMissing);
  return all === 0 ? "" : formatShare(Number(common.numMissing) / all);
}

function mostFrequent(top: readonly { readonly value: string; readonly frequency: number }[]) {
  const [first] = top;
  return first === undefined ? "" : `${first.value} (${formatNumber(first.frequency)})`;
}
