import {
  type Execution,
  Execution_State,
  ListOperationOptions_OrderByField_Field,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";

/** A state as ML Metadata spells it: `COMPLETE`, `RUNNING`, ... */
export function stateName(state: Execution_State): string {
  return Object.entries(Execution_State).find(([, value]) => value === state)?.[0] ?? String(state);
}

/** States of executions, each with how many have it: `5 COMPLETE, 1 FAILED`. */
export function stateCounts(executions: readonly Execution[]): string {
  const counts = new Map<string, number>();
  for (const { lastKnownState } of executions) {
    const name = stateName(lastKnownState);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
}

/** How long an execution took, or has been running, in milliseconds. */
export function durationOf({ createTimeSinceEpoch, lastUpdateTimeSinceEpoch }: Execution): number {
  return Number(lastUpdateTimeSinceEpoch - createTimeSinceEpoch);
}

/** The order of lists in which the last comes first. */
export const NEWEST_FIRST = {
  field: ListOperationOptions_OrderByField_Field.ID,
  isAsc: false,
} as const;
