export type { ComputeOptions } from "./count.ts";
export {
  type Approximation,
  type ComputedStatistics,
  computeStatistics,
  finishStatistics,
  type GeneratedStatistics,
  type GenerateOptions,
  generateStatistics,
  mergeStatistics,
} from "./generate.ts";
export { type FileInput, formatOf, type RelationInput, type StatisticsInput } from "./input.ts";
export { parseStatisticsOptions, type SliceFeatures, type StatisticsOptions } from "./options.ts";
export type { DatasetPartial } from "./partial.ts";
export { readPartials, writePartials } from "./partial-file.ts";
export {
  encodeMessage,
  parseMessageText,
  printMessageText,
  readMessage,
  writeMessage,
} from "./proto-file.ts";
