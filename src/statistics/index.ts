export {
  type ComputedStatistics,
  type ComputeOptions,
  computeStatistics,
  finishStatistics,
  type GeneratedStatistics,
  type GenerateOptions,
  generateStatistics,
} from "./generate.ts";
export { type FileInput, formatOf, type RelationInput, type StatisticsInput } from "./input.ts";
export { parseStatisticsOptions, type StatisticsOptions } from "./options.ts";
export { type DatasetPartial, mergePartials } from "./partial.ts";
export {
  encodeMessage,
  parseMessageText,
  printMessageText,
  readMessage,
  writeMessage,
} from "./proto-file.ts";
