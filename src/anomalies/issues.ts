import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  type Anomalies,
  AnomalyInfo_SeveritySchema,
  AnomalyInfo_TypeSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";
import { digestOf, WaybillError, writeFileAtomically } from "../foundation/index.ts";
import type { Step } from "../metadata/index.ts";
import { compareBytes } from "../schema/index.ts";
import { enumName } from "./format.ts";
import { WHOLE_DATASET } from "./report.ts";

/**
 * Where an issue stands. `open`: seen, nobody has looked. `acknowledged`: somebody works on it.
 * `ignored`: known and to be left alone. `resolved`: it was not seen in the last span.
 */
export const ISSUE_STATES = ["open", "acknowledged", "ignored", "resolved"] as const;
export type IssueState = (typeof ISSUE_STATES)[number];

/** An anomaly that is followed over spans as a bug is over builds. */
export interface Issue {
  /** Feature and type of the anomaly: the same fault in another span is the same issue. */
  readonly id: string;
  readonly feature: string;
  /** The type's name: `INT_TYPE_SMALL_INT`. */
  readonly type: string;
  readonly severity: string;
  /** As it was described when it was last seen. */
  readonly description: string;
  readonly state: IssueState;
  readonly owner?: string;
  readonly note?: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** Spans in which it was seen. */
  readonly seenCount: number;
  /** Times it came back after it was resolved. */
  readonly reopenedCount: number;
}

/** The issues of a dataset, as of a span. */
export interface IssueList {
  readonly dataset: string;
  /** The last span that was looked at. */
  readonly span: string;
  readonly issues: readonly Issue[];
}

/**
 * Brings issues up to a new span: what is seen is opened, or seen once more; what was resolved and is
 * back is open again; what is not seen any more is resolved. What is ignored stays so.
 * @throws WaybillError `failed_precondition` when the span was looked at last already
 */
export function trackAnomalies(
  before: IssueList | undefined,
  anomalies: Anomalies,
  now: { readonly dataset: string; readonly span: string },
): IssueList {
  if (before?.span === now.span) {
    throw new WaybillError(
      "failed_precondition",
      `The issues of "${now.dataset}" are as of the span "${now.span}" already.`,
      { hint: "A span counts once. Give the next one." },
    );
  }
  const seen = new Map(sightings(anomalies).map((sighting) => [sighting.id, sighting]));
  const kept = (before?.issues ?? []).map((issue): Issue => {
    const sighting = seen.get(issue.id);
    seen.delete(issue.id);
    if (sighting === undefined) {
      return issue.state === "ignored" ? issue : { ...issue, state: "resolved" };
    }
    const isBack = issue.state === "resolved";
    return {
      ...issue,
      ...sighting,
      state: isBack ? "open" : issue.state,
      reopenedCount: issue.reopenedCount + (isBack ? 1 : 0),
      lastSeen: now.span,
      seenCount: issue.seenCount + 1,
    };
  });
  const found = [...seen.values()].map(
    (sighting): Issue => ({
      ...sighting,
      state: "open",
      firstSeen: now.span,
      lastSeen: now.span,
      seenCount: 1,
      reopenedCount: 0,
    }),
  );
  const issues = [...kept, ...found].sort((a, b) => compareBytes(a.id, b.id));
  return { dataset: now.dataset, span: now.span, issues };
}

/** A decision about an issue. What is left out stays as it is. */
export interface Triage {
  readonly state?: Exclude<IssueState, "resolved">;
  readonly owner?: string;
  readonly note?: string;
}

/**
 * Gives an issue an owner, a state, a note.
 * @throws WaybillError `not_found` for an issue that is not in the list
 */
export function triageIssue(list: IssueList, id: string, triage: Triage): IssueList {
  if (!list.issues.some((issue) => issue.id === id)) {
    const ids = list.issues.slice(0, 5).map((issue) => issue.id);
    throw new WaybillError("not_found", `"${list.dataset}" has no issue "${id}".`, {
      hint: ids.length === 0 ? "It has none." : `It has ${ids.join(", ")}`,
    });
  }
  const issues = list.issues.map((issue) => (issue.id === id ? { ...issue, ...triage } : issue));
  return { ...list, issues };
}

/** Issues that ask for somebody: open or acknowledged, ERROR before WARNING, the oldest first. */
export function activeIssues(list: IssueList): Issue[] {
  return list.issues
    .filter(({ state }) => state === "open" || state === "acknowledged")
    .sort(
      (a, b) =>
        Number(b.severity === "ERROR") - Number(a.severity === "ERROR") ||
        compareBytes(a.firstSeen, b.firstSeen),
    );
}

/**
 * Writes issues as JSON, atomically, to a file of their own, and declares them as the step's output
 * `issues`. The head `issues/DATASET` moves to them if it still is the artifact that the caller read:
 * of two who write at once, one is refused when the step closes, and the other's file stays whole.
 */
export async function publishIssues(
  step: Step,
  list: IssueList,
  options: { readonly folder: string; readonly head: Artifact | undefined },
): Promise<Artifact> {
  const text = `${JSON.stringify(list, undefined, 2)}\n`;
  const sha256 = digestOf("sha256", text);
  const path = join(options.folder, `issues-${sha256.slice(0, 16)}.json`);
  await writeFileAtomically(path, text);
  if (options.head !== undefined) step.input("previous_issues", options.head);
  return step.output("issues", "AnomalyIssues", {
    uri: path,
    ref: { name: issuesRef(list.dataset), expect: options.head?.id },
    customProperties: {
      dataset: list.dataset,
      span: list.span,
      active_count: BigInt(activeIssues(list).length),
      issue_count: BigInt(list.issues.length),
      sha256,
    },
  });
}

/** The name of the head that the issues of a dataset stand under. */
export function issuesRef(dataset: string): string {
  return `issues/${dataset}`;
}

/**
 * Reads issues.
 * @throws WaybillError `not_found`; `data_loss` for what is no list of issues
 */
export async function readIssues(path: string): Promise<IssueList> {
  const text = await readFile(path, "utf8").catch((caught: unknown) => {
    const error = WaybillError.from(caught);
    throw new WaybillError(error.code, `Cannot read "${path}": ${error.message}`, {
      hint: error.hint,
      cause: caught,
    });
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (caught) {
    throw notIssues(path, caught);
  }
  if (!isIssueList(parsed)) throw notIssues(path);
  return parsed;
}

function notIssues(path: string, cause?: unknown): WaybillError {
  return new WaybillError("data_loss", `"${path}" holds no list of issues.`, {
    hint: "Issues are written by Waybill; do not edit them by hand.",
    cause,
  });
}

function isIssueList(value: unknown): value is IssueList {
  if (!isRecord(value) || !Array.isArray(value["issues"])) return false;
  if (typeof value["dataset"] !== "string" || typeof value["span"] !== "string") return false;
  return value["issues"].every(isIssue);
}

function isIssue(value: unknown): value is Issue {
  if (!isRecord(value)) return false;
  const texts = ["id", "feature", "type", "severity", "description", "firstSeen", "lastSeen"];
  return (
    texts.every((name) => typeof value[name] === "string") &&
    ["seenCount", "reopenedCount"].every((name) => Number.isInteger(value[name])) &&
    ["owner", "note"].every((name) => ["string", "undefined"].includes(typeof value[name])) &&
    ISSUE_STATES.some((state) => state === value["state"])
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Sighting = Pick<Issue, "id" | "feature" | "type" | "severity" | "description">;

/** One sighting for each feature and type, however often the type is given as a reason. */
function sightings(anomalies: Anomalies): Sighting[] {
  const infos = Object.entries(anomalies.anomalyInfo);
  if (anomalies.datasetAnomalyInfo !== undefined) {
    infos.push([WHOLE_DATASET, anomalies.datasetAnomalyInfo]);
  }
  const byId = new Map<string, Sighting>();
  for (const [feature, info] of infos) {
    const severity = enumName(AnomalyInfo_SeveritySchema, info.severity);
    for (const reason of info.reason) {
      const type = enumName(AnomalyInfo_TypeSchema, reason.type);
      const id = `${feature}:${type}`;
      const description = reason.description || reason.shortDescription;
      if (!byId.has(id)) byId.set(id, { id, feature, type, severity, description });
    }
  }
  return [...byId.values()];
}
