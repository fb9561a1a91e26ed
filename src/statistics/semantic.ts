import { create } from "@bufbuild/protobuf";
import {
  type CustomStatistic,
  CustomStatisticSchema,
} from "../../gen/tensorflow_metadata/proto/v0/statistics_pb.ts";
import { DistributionReader } from "./distribution.ts";
import type { NumericPartial } from "./numeric.ts";
import type { FeaturePartial } from "./partial.ts";
import type { CountedValue } from "./string-table.ts";

/** A domain is claimed when at least this many values were seen, and this part of them fits. */
const MIN_VALUES = 100;
const MIN_RATIO = 0.8;

/** What makes text natural language: words a value, and their mean length, in its first characters. */
const MIN_WORDS = 3;
const WORD_LENGTH = { min: 2.5, max: 8 } as const;
const CROP_CHARACTERS = 100;

/**
 * The domains that the values of a feature themselves suggest: images, natural language, times.
 * Source: TFDV with `enable_semantic_domain_stats`; every value counts here, not the first of a batch.
 */
export function semanticStatistics(feature: FeaturePartial): CustomStatistic[] {
  const { kind, strings, numeric } = feature;
  if (kind === "int" && numeric !== undefined) return integerTimes(numeric);
  if (kind !== "string" || strings === undefined || strings.count < MIN_VALUES) return [];
  if (!strings.isComplete) return [];
  const values = [...strings.table.entries()];
  const images = imageStatistics(values, strings.count);
  if (strings.invalidUtf8 > 0) return images;
  const texts = values.map(({ bytes, count }) => ({
    text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"),
    count,
  }));
  return [
    ...images,
    ...languageStatistics(texts, strings.count),
    ...textTimes(texts, strings.count),
  ];
}

/** The custom statistic by which a domain is told to schema inference. */
export function domainInfo(value: string): CustomStatistic {
  return create(CustomStatisticSchema, { name: "domain_info", val: { case: "str", value } });
}

function ratio(name: string, value: number): CustomStatistic {
  return create(CustomStatisticSchema, { name, val: { case: "num", value } });
}

const IMAGE_SIGNATURES: readonly (readonly [format: string, signature: readonly number[]])[] = [
  ["bmp", [0x42, 0x4d]],
  ["gif", [0x47, 0x49, 0x46]],
  ["jpeg", [0xff, 0xd8, 0xff]],
  ["png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
];

function imageStatistics(values: readonly CountedValue[], total: number): CustomStatistic[] {
  const counts = new Map<string, number>();
  for (const { bytes, count } of values) {
    const known = IMAGE_SIGNATURES.find(([, signature]) =>
      signature.every((byte, index) => bytes[index] === byte),
    );
    // TFDV sorts formats by name, the unknown one first, under a name of its own.
    const format = known?.[0] ?? "";
    counts.set(format, (counts.get(format) ?? 0) + count);
  }
  if (1 - (counts.get("") ?? 0) / total < MIN_RATIO) return [];
  const buckets = [...counts.keys()].sort().map((format) => ({
    label: format === "" ? "UNKNOWN" : format,
    sampleCount: counts.get(format) ?? 0,
  }));
  return [
    domainInfo("image_domain {}"),
    create(CustomStatisticSchema, {
      name: "image_format_histogram",
      val: { case: "rankHistogram", value: { buckets } },
    }),
  ];
}

interface CountedText {
  readonly text: string;
  readonly count: number;
}

function languageStatistics(texts: readonly CountedText[], total: number): CustomStatistic[] {
  let matched = 0;
  for (const { text, count } of texts) if (isLanguage(text)) matched += count;
  const matchRatio = matched / total;
  if (matchRatio < MIN_RATIO) return [];
  return [
    domainInfo("natural_language_domain {}"),
    ratio("natural_language_match_rate", matchRatio),
  ];
}

function isLanguage(text: string): boolean {
  const words = text
    .slice(0, CROP_CHARACTERS)
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length < MIN_WORDS) return false;
  const mean = words.reduce((sum, word) => sum + word.length, 0) / words.length;
  return mean >= WORD_LENGTH.min && mean <= WORD_LENGTH.max;
}

/** Units of integer times, by TFMD's number of the format; 1990 to 2030 are taken for times. */
const TIME_UNITS: readonly (readonly [format: number, perSecond: number])[] = [
  [5, 1 / 86_400],
  [1, 1],
  [2, 1e3],
  [3, 1e6],
  [4, 1e9],
];
const TIMES_FROM_SECONDS = 631_152_000;
const TIMES_UNTIL_SECONDS = 1_893_456_000;

function integerTimes({ count, distribution }: NumericPartial): CustomStatistic[] {
  if (count < MIN_VALUES) return [];
  const reader = new DistributionReader(distribution);
  let best = { format: 0, matched: 0 };
  for (const [format, perSecond] of TIME_UNITS) {
    const before = reader.massUpTo(TIMES_FROM_SECONDS * perSecond - 1);
    const matched = reader.massUpTo(TIMES_UNTIL_SECONDS * perSecond - 1) - before;
    if (matched > best.matched) best = { format, matched };
  }
  return timeStatistics(`integer_format: ${best.format}`, best.matched / count);
}

function textTimes(texts: readonly CountedText[], total: number): CustomStatistic[] {
  const counts = new Float64Array(TIME_PATTERNS.length);
  for (const { text, count } of texts) {
    for (const [index, { pattern }] of TIME_PATTERNS.entries()) {
      if (pattern.test(text)) counts[index]! += count;
    }
  }
  const matched = counts.reduce((a, b) => Math.max(a, b), 0);
  const best = TIME_PATTERNS[counts.indexOf(matched)];
  return timeStatistics(`string_format: '${best?.format}'`, matched / total);
}

function timeStatistics(format: string, matchRatio: number): CustomStatistic[] {
  if (matchRatio < MIN_RATIO) return [];
  return [domainInfo(`time_domain {${format}}`), ratio("time_match_ratio", matchRatio)];
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** What each directive of strptime reads. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  "%a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
  "%b": `(?:${MONTHS.map((month) => month.slice(0, 3)).join("|")})`,
  "%B": `(?:${MONTHS.join("|")})`,
  "%f": "\\d{1,6}",
  "%d": "(?:3[01]|[12]\\d|0[1-9]|[1-9]| [1-9])",
  "%H": "(?:2[0-3]|[01]\\d|\\d)",
  "%y": "\\d\\d",
  "%Y": "\\d{4}",
  "%m": "(?:1[0-2]|0[1-9]|[1-9])",
  "%M": "(?:[0-5]\\d|\\d)",
  "%S": "(?:60[01]|[0-5]\\d|\\d)",
};

const DATE_FORMATS = [
  "%Y-%m-%d",
  "%Y/%m/%d",
  "%Y%m%d",
  "%y-%m-%d",
  "%y/%m/%d",
  "%m-%d-%Y",
  "%m/%d/%Y",
  "%m%d%Y",
  "%m-%d-%y",
  "%m/%d/%y",
  "%d-%m-%Y",
  "%d/%m/%Y",
  "%d%m%Y",
  "%d-%B-%Y",
  "%d-%m-%y",
  "%d/%m/%y",
  "%d-%B-%y",
] as const;
const CLOCK_FORMATS = ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f"] as const;

/** Every format that is tried; of formats that fit equally often, the first is claimed. */
const TIME_PATTERNS = [
  ...DATE_FORMATS,
  ...CLOCK_FORMATS,
  "%a %b %d %H:%M:%S %Y",
  ...DATE_FORMATS.flatMap((date) =>
    CLOCK_FORMATS.flatMap((clock) => [`${date}T${clock}`, `${date} ${clock}`]),
  ),
].map((format) => ({ format, pattern: patternOf(format) }));

function patternOf(format: string): RegExp {
  const source = format
    .replaceAll(".", "\\.")
    .replaceAll("/", "\\/")
    .replace(/%[a-zA-Z]/g, (directive) => DIRECTIVES[directive] ?? directive);
  return new RegExp(`^${source}$`);
}
