import { create } from "@bufbuild/protobuf";
import {
  ChangedRegionSchema,
  type DiffRegion,
  DiffRegionSchema,
  HiddenRegionSchema,
  OneSideRegionSchema,
  UnchangedRegionSchema,
} from "../../gen/tensorflow_metadata/proto/v0/anomalies_pb.ts";

/** Unchanged lines that are shown on either side of a change; the rest is hidden. */
const CONTEXT_LINES = 3;

/** Beyond so many pairs of lines a difference is told as one change, and not looked into. */
const PAIRS_MAX = 4_000_000;

/**
 * How two texts differ, line by line: unchanged lines near a change, hidden ones far from it, and lines
 * that are removed, added or changed. Lines are numbered from 1.
 */
export function diffRegions(left: string, right: string): DiffRegion[] {
  return regionsOf(matchLines(linesOf(left), linesOf(right)));
}

/** A run of lines: on both sides alike, or what stands on either side in one place. */
interface Run {
  readonly isSame: boolean;
  readonly leftStart: number;
  readonly rightStart: number;
  readonly left: readonly string[];
  readonly right: readonly string[];
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function regionsOf(runs: readonly Run[]): DiffRegion[] {
  return runs.flatMap((run, index) => {
    if (!run.isSame) return [changedRegion(run)];
    const before = index === 0 ? 0 : CONTEXT_LINES;
    const after = index === runs.length - 1 ? 0 : CONTEXT_LINES;
    const hidden = run.left.length - before - after;
    if (hidden <= 0) return [unchangedRegion(run, 0, run.left.length)];
    return [
      ...(before === 0 ? [] : [unchangedRegion(run, 0, before)]),
      hiddenRegion(run, before, hidden),
      ...(after === 0 ? [] : [unchangedRegion(run, before + hidden, after)]),
    ];
  });
}

function changedRegion({ leftStart, rightStart, left, right }: Run): DiffRegion {
  if (right.length === 0) {
    const value = create(OneSideRegionSchema, { start: leftStart, contents: [...left] });
    return create(DiffRegionSchema, { details: { case: "removed", value } });
  }
  if (left.length === 0) {
    const value = create(OneSideRegionSchema, { start: rightStart, contents: [...right] });
    return create(DiffRegionSchema, { details: { case: "added", value } });
  }
  const value = create(ChangedRegionSchema, {
    leftStart,
    leftContents: [...left],
    rightStart,
    rightContents: [...right],
  });
  return create(DiffRegionSchema, { details: { case: "changed", value } });
}

function unchangedRegion(run: Run, offset: number, length: number): DiffRegion {
  const value = create(UnchangedRegionSchema, {
    leftStart: run.leftStart + offset,
    rightStart: run.rightStart + offset,
    contents: run.left.slice(offset, offset + length),
  });
  return create(DiffRegionSchema, { details: { case: "unchanged", value } });
}

function hiddenRegion(run: Run, offset: number, size: number): DiffRegion {
  const value = create(HiddenRegionSchema, {
    leftStart: run.leftStart + offset,
    rightStart: run.rightStart + offset,
    size,
  });
  return create(DiffRegionSchema, { details: { case: "hidden", value } });
}

/** Lines matched by a longest common subsequence of what lies between the ends that are alike. */
function matchLines(left: readonly string[], right: readonly string[]): Run[] {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  const room = Math.min(left.length, right.length) - start;
  while (end < room && left.at(-1 - end) === right.at(-1 - end)) end++;
  const middleLeft = left.slice(start, left.length - end);
  const middleRight = right.slice(start, right.length - end);
  const collector = new RunCollector(left, right);
  collector.add(true, start, start);
  for (const { isSame, left: lefts, right: rights } of commonRuns(middleLeft, middleRight)) {
    collector.add(isSame, lefts, rights);
  }
  collector.add(true, end, end);
  return collector.runs;
}

/** Joins neighbouring pieces of one kind, and keeps count of lines. */
class RunCollector {
  readonly runs: Run[] = [];
  readonly #left: readonly string[];
  readonly #right: readonly string[];
  #leftNext = 0;
  #rightNext = 0;

  constructor(left: readonly string[], right: readonly string[]) {
    this.#left = left;
    this.#right = right;
  }

  add(isSame: boolean, leftCount: number, rightCount: number): void {
    if (leftCount === 0 && rightCount === 0) return;
    const last = this.runs.at(-1);
    const isJoined = last?.isSame === isSame;
    const leftStart = isJoined ? last.leftStart - 1 : this.#leftNext;
    const rightStart = isJoined ? last.rightStart - 1 : this.#rightNext;
    this.#leftNext += leftCount;
    this.#rightNext += rightCount;
    if (isJoined) this.runs.pop();
    this.runs.push({
      isSame,
      leftStart: leftStart + 1,
      rightStart: rightStart + 1,
      left: this.#left.slice(leftStart, this.#leftNext),
      right: this.#right.slice(rightStart, this.#rightNext),
    });
  }
}

interface Piece {
  readonly isSame: boolean;
  readonly left: number;
  readonly right: number;
}

function commonRuns(left: readonly string[], right: readonly string[]): Piece[] {
  if (left.length * right.length > PAIRS_MAX) {
    return [{ isSame: false, left: left.length, right: right.length }];
  }
  const width = right.length + 1;
  // Lengths of the longest common subsequence of what follows each pair of places.
  const lengths = new Uint32Array((left.length + 1) * width);
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      lengths[row * width + column] =
        left[row] === right[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pieces: Piece[] = [];
  let row = 0;
  let column = 0;
  while (row < left.length || column < right.length) {
    if (row < left.length && column < right.length && left[row] === right[column]) {
      pieces.push({ isSame: true, left: 1, right: 1 });
      row++;
      column++;
    } else if (
      column >= right.length ||
      (row < left.length && at(row + 1, column) >= at(row, column + 1))
    ) {
      pieces.push({ isSame: false, left: 1, right: 0 });
      row++;
    } else {
      pieces.push({ isSame: false, left: 0, right: 1 });
      column++;
    }
  }
  return pieces;
}
