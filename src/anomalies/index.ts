export type { Reason } from "./check.ts";
export {
  type CustomValidateInput,
  customValidate,
  mergeAnomalies,
} from "./custom.ts";
export type { Diagnoses, Diagnosis } from "./diagnose.ts";
export {
  histogramDivergence,
  labelDivergence,
  lInfinityDistance,
  normalizedAbsoluteDifference,
} from "./distance.ts";
export {
  type ConfusionCount,
  detectFeatureSkew,
  type FeatureSkew,
  type FeatureSkewOptions,
  type FeatureSkewResult,
  type MatchStatistics,
  type SkewedPair,
} from "./feature-skew.ts";
export { type Filled, fillDefaults, withDefaults } from "./fill.ts";
export { type ReportDataset, type ReportInput, reportHtml } from "./html/index.ts";
export type { Example, ExampleScalar, ExampleValue } from "./instance/example.ts";
export { type ExampleAnomalies, instanceValidator, validateInstance } from "./instance/index.ts";
export {
  activeIssues,
  type Issue,
  type IssueList,
  type IssueState,
  issuesRef,
  publishIssues,
  readIssues,
  type Triage,
  trackAnomalies,
  triageIssue,
} from "./issues.ts";
export { type Proposal, type Proposed, proposeFixes, takeProposals } from "./propose.ts";
export { type Validated, type ValidateOptions, validate } from "./publish.ts";
export { type AnomalyRow, anomalyReport, countAnomalies, hasAnomalies } from "./report.ts";
export {
  type BrokenRule,
  findBadRows,
  type Quarantined,
  type QuarantineOptions,
  quarantine,
  type RowReference,
} from "./rows.ts";
export { validateSlices } from "./slices.ts";
export {
  diagnoseStatistics,
  updateSchema,
  type ValidateInput,
  type ValidationOptions,
  validateStatistics,
} from "./validate.ts";
