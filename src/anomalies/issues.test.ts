import assert from "node:assert/strict";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SchemaSchema } from "../../gen/tensorflow_metadata/proto/v0/schema_pb.ts";
import { createRecorder, openMetadataStore } from "../metadata/index.ts";
import { type ColumnValues, statisticsOf } from "../schema/statistics.fixture.ts";
import { parseMessageText } from "../statistics/index.ts";
import {
  activeIssues,
  type IssueList,
  issuesRef,
  publishIssues,
  readIssues,
  trackAnomalies,
  triageIssue,
} from "./issues.ts";
import { validateStatistics } from "./validate.ts";

const schema = parseMessageText(
  SchemaSchema,
  'feature { name: "delay" type: INT int_domain { min: -60 } } feature { name: "from" type: BYTES string_domain { value: "JFK" } }',
);
const late: ColumnValues = [-1116n];
const fine: ColumnValues = [5n];
const found = (delay: ColumnValues, from: ColumnValues = ["JFK"]) =>
  validateStatistics(statisticsOf({ delay, from }), schema);
const track = (before: IssueList | undefined, span: string, ...columns: Parameters<typeof found>) =>
  trackAnomalies(before, found(...columns), { dataset: "flights", span });
const statesOf = ({ issues }: IssueList) =>
  Object.fromEntries(issues.map(({ id, state }) => [id, state]));

test("an anomaly that is seen again is the same issue, with its first and last span", () => {
  const april = track(track(undefined, "2001-03", late), "2001-04", late, ["LGA"]);
  assert.deepEqual(statesOf(april), {
    "delay:INT_TYPE_SMALL_INT": "open",
    "from:ENUM_TYPE_UNEXPECTED_STRING_VALUES": "open",
  });
  const [delay] = april.issues;
  assert.deepEqual(
    [delay?.firstSeen, delay?.lastSeen, delay?.seenCount],
    ["2001-03", "2001-04", 2],
  );
});

test("what is not seen is resolved, and open again when it is back", () => {
  const gone = track(track(undefined, "1", late), "2", fine);
  assert.deepEqual(statesOf(gone), { "delay:INT_TYPE_SMALL_INT": "resolved" });
  assert.deepEqual(activeIssues(gone), []);
  const back = track(gone, "3", late);
  assert.equal(back.issues[0]?.state, "open");
  assert.equal(back.issues[0]?.reopenedCount, 1);
  assert.equal(back.issues[0]?.firstSeen, "1");
});

test("owner and state stay from span to span, and what is ignored stays ignored", () => {
  const first = track(undefined, "1", late, ["LGA"]);
  const owned = triageIssue(first, "delay:INT_TYPE_SMALL_INT", {
    state: "acknowledged",
    owner: "maintenance",
  });
  const ignored = triageIssue(owned, "from:ENUM_TYPE_UNEXPECTED_STRING_VALUES", {
    state: "ignored",
    note: "New airports are fine.",
  });
  const second = track(ignored, "2", late);
  assert.deepEqual(statesOf(second), {
    "delay:INT_TYPE_SMALL_INT": "acknowledged",
    "from:ENUM_TYPE_UNEXPECTED_STRING_VALUES": "ignored",
  });
  assert.equal(second.issues[0]?.owner, "maintenance");
  assert.throws(() => triageIssue(first, "x", {}), { code: "not_found" });
});

test("a span counts once", () => {
  const first = track(undefined, "1", late);
  assert.throws(() => track(first, "1", late), { code: "failed_precondition" });
});

test("issues are published under a head and read back", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "issues-"));
  await using store = await openMetadataStore("memory:");
  const recorder = createRecorder(store);
  const list = track(undefined, "1", late);
  await recorder.step("AnomalyTracking", {}, (step) =>
    publishIssues(step, list, { folder: folder.path, head: undefined }),
  );
  const head = await recorder.ref(issuesRef("flights"));
  assert.deepEqual(await readIssues(head?.uri ?? ""), list);
  assert.equal(head?.type, "AnomalyIssues");
  await recorder.step("AnomalyTracking", {}, (step) =>
    publishIssues(step, track(list, "2", fine), { folder: folder.path, head }),
  );
  await assert.rejects(
    recorder.step("AnomalyTracking", {}, (step) =>
      publishIssues(step, list, { folder: folder.path, head }),
    ),
    { code: "aborted" },
  );
});

for (const text of ["", "{", "[]", '{"dataset":"x","span":"1","issues":[{}]}']) {
  test(`${text || "nothing"} is no list of issues`, async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), "issues-"));
    const path = join(folder.path, "issues.json");
    writeFileSync(path, text);
    await assert.rejects(readIssues(path), { name: "WaybillError", code: "data_loss" });
  });
}
