// Longer than files here are: it is one contract, and every driver runs all of it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Artifact_State,
  ArtifactType_SystemDefinedBaseType as ArtifactBase,
  type ArtifactSchema,
  LineageSubgraphQueryOptions_Direction as Direction,
  Event_Type,
  Execution_State,
  ListOperationOptions_OrderByField_Field as Field,
  type LineageSubgraphQueryOptions_Direction,
  PropertyType,
  type ValueSchema,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { MetadataStore } from "./store.ts";

type Value = MessageInitShape<typeof ValueSchema>;
const int = (value: bigint): Value => ({ value: { case: "intValue", value } });
const text = (value: string): Value => ({ value: { case: "stringValue", value } });
const double = (value: number): Value => ({ value: { case: "doubleValue", value } });

/** What every metadata store answers, run on one that is opened empty for each test. */
export function storeConformance(driver: string, open: () => Promise<MetadataStore>): void {
  describe(`metadata store: ${driver}`, () => {
    describe("types", () => {
      test("the first type of a new store has id 10, after the nine of the system", async () => {
        await using store = await open();
        assert.equal(await putType(store, "Data"), 10n);
        assert.equal(await putType(store, "Data"), 10n, "putting it again changes nothing");
        const { artifactTypes } = await store.getArtifactTypes({});
        assert.deepEqual(
          artifactTypes.map((type) => type.name),
          ["Data"],
          "the system's own are not listed",
        );
        const system = await store.getArtifactType({ typeName: "mlmd.Dataset" });
        assert.equal(system.artifactType?.id, 1n);
      });

      test("a type is its name and version", async () => {
        await using store = await open();
        const plain = await putType(store, "Data");
        const { typeId } = await store.putArtifactType({
          artifactType: { name: "Data", version: "2", description: "second" },
        });
        assert.notEqual(typeId, plain);
        const found = await store.getArtifactType({ typeName: "Data", typeVersion: "2" });
        assert.equal(found.artifactType?.description, "second");
        await assert.rejects(store.getArtifactType({ typeName: "Data", typeVersion: "3" }), {
          code: "not_found",
          message: "No type found for query, name: `Data`, version: `3`",
        });
      });

      const stored = { name: "Data", properties: { a: PropertyType.INT, b: PropertyType.STRING } };
      const evolutions = [
        { name: "equal", properties: stored.properties, allowed: ["", "add", "omit", "add omit"] },
        {
          name: "with one more property",
          properties: { ...stored.properties, c: PropertyType.DOUBLE },
          allowed: ["add", "add omit"],
        },
        {
          name: "with one property less",
          properties: { a: PropertyType.INT },
          allowed: ["omit", "add omit"],
        },
        {
          name: "with one more and one less",
          properties: { a: PropertyType.INT, c: PropertyType.DOUBLE },
          allowed: ["add omit"],
        },
        {
          name: "with a property of another kind",
          properties: { a: PropertyType.DOUBLE, b: PropertyType.STRING },
          allowed: [] as string[],
        },
      ];
      for (const { name, properties, allowed } of evolutions) {
        test(`a type put again ${name} is taken with: ${allowed.map((one) => one || "no flag").join(", ") || "nothing"}`, async () => {
          for (const flags of ["", "add", "omit", "add omit"]) {
            await using store = await open();
            await store.putArtifactType({ artifactType: stored });
            const put = store.putArtifactType({
              artifactType: { name: "Data", properties },
              canAddFields: flags.includes("add"),
              canOmitFields: flags.includes("omit"),
            });
            if (allowed.includes(flags)) {
              await put;
              const { artifactType } = await store.getArtifactType({ typeName: "Data" });
              assert.deepEqual(artifactType?.properties, { ...stored.properties, ...properties });
            } else {
              await assert.rejects(put, { code: "already_exists" }, flags);
            }
          }
        });
      }

      test("a base type is given once, and neither changed nor taken away", async () => {
        await using store = await open();
        const put = (baseType: ArtifactBase) =>
          store.putArtifactType({ artifactType: { name: "Data", baseType } });
        await putType(store, "Data");
        await put(ArtifactBase.DATASET);
        await put(ArtifactBase.DATASET);
        const { artifactType } = await store.getArtifactType({ typeName: "Data" });
        assert.equal(artifactType?.baseType, ArtifactBase.DATASET);
        await assert.rejects(put(ArtifactBase.MODEL), { code: "unimplemented" });
        await assert.rejects(put(ArtifactBase.UNSET), { code: "unimplemented" });
      });

      test("a type of another kind is not found under its id", async () => {
        await using store = await open();
        const execution = await store.putExecutionType({ executionType: { name: "Data" } });
        await assert.rejects(store.putArtifacts({ artifacts: [{ typeId: execution.typeId }] }), {
          code: "not_found",
        });
        const { artifactTypes } = await store.getArtifactTypesByID({
          typeIds: [execution.typeId, 99n],
        });
        assert.deepEqual(artifactTypes, []);
      });
    });

    describe("nodes", () => {
      test("every kind of value comes back as it was put, to the last digit", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        const values: Record<string, Value> = {
          int: int(2n ** 63n - 1n),
          negative: int(-(2n ** 63n)),
          third: double(1 / 3),
          tiny: double(5e-324),
          text: text("'quoted' \"text\" \\ 日本語 \n 🚀"),
          empty: text(""),
          looksLikeStruct: text("mlmd-struct::not one"),
          yes: { value: { case: "boolValue", value: true } },
          no: { value: { case: "boolValue", value: false } },
          struct: {
            value: { case: "structValue", value: { list: [1, null, { deep: "x" }], "": true } },
          },
          any: {
            value: {
              case: "protoValue",
              value: { typeUrl: "type.googleapis.com/x.Y", value: new Uint8Array([0, 255, 7]) },
            },
          },
        };
        const { artifactIds } = await store.putArtifacts({
          artifacts: [{ typeId, customProperties: values }],
        });
        const { artifacts } = await store.getArtifactsByID({ artifactIds });
        const got = artifacts[0]?.customProperties ?? {};
        for (const [name, value] of Object.entries(values)) {
          const { case: kind, value: content } = value.value as { case: string; value: unknown };
          assert.equal(got[name]?.value.case, kind, name);
          if (kind !== "protoValue") assert.deepEqual(got[name]?.value.value, content, name);
        }
        const any = got["any"]?.value.value as { typeUrl: string; value: Uint8Array };
        assert.deepEqual([any.typeUrl, [...any.value]], ["type.googleapis.com/x.Y", [0, 255, 7]]);
      });

      const refused: {
        readonly name: string;
        readonly artifact: MessageInitShape<typeof ArtifactSchema>;
        readonly code: string;
        readonly message: RegExp;
      }[] = [
        {
          name: "without a type",
          artifact: {},
          code: "invalid_argument",
          message: /^Type id is missing\.$/,
        },
        {
          name: "of an unknown type",
          artifact: { typeId: 99n, name: "x" },
          code: "not_found",
          message:
            /^Cannot find type for type_id: 99 name: "x"No type found for query, type_id: 99$/,
        },
        {
          name: "with a property that its type lacks",
          artifact: { typeId: 10n, properties: { zz: int(1n) } },
          code: "invalid_argument",
          message: /^Cannot validate properties of .*Found unknown property: zz$/,
        },
        {
          name: "with a property of another kind",
          artifact: { typeId: 10n, properties: { a: text("1") } },
          code: "invalid_argument",
          message: /Found unmatched property type: a$/,
        },
        {
          name: "with a property without a value",
          artifact: { typeId: 10n, properties: { a: {} } },
          code: "invalid_argument",
          message: /Found unmatched property type: a$/,
        },
        {
          name: "with a custom property without a value",
          artifact: { typeId: 10n, customProperties: { c: {} } },
          code: "invalid_argument",
          message: /Property c has no value/,
        },
        {
          name: "with NaN",
          artifact: { typeId: 10n, customProperties: { c: double(Number.NaN) } },
          code: "invalid_argument",
          message: /NaN/,
        },
        {
          name: "with an id that does not exist",
          artifact: { id: 5n, typeId: 10n },
          code: "invalid_argument",
          message: /^Cannot find the given id 5$/,
        },
      ];
      for (const { name, artifact, code, message } of refused) {
        test(`an artifact ${name} is ${code}, and nothing of its call is kept`, async () => {
          await using store = await open();
          await putType(store, "Data", { a: PropertyType.INT });
          const good = { typeId: 10n, name: "good" };
          await assert.rejects(store.putArtifacts({ artifacts: [good, artifact] }), {
            code,
            message,
          });
          assert.deepEqual((await store.getArtifacts({})).artifacts, []);
        });
      }

      test("names are unique in a type, external ids in a kind, and both are told of", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        const other = await putType(store, "Other");
        await store.putArtifacts({ artifacts: [{ typeId, name: "a", externalId: "x" }] });
        await store.putArtifacts({ artifacts: [{ typeId: other, name: "a" }] });
        for (const artifact of [{ name: "a" }, { externalId: "x" }]) {
          await assert.rejects(store.putArtifacts({ artifacts: [{ typeId, ...artifact }] }), {
            code: "already_exists",
            message: /^Given node already exists: type_id: 10/,
          });
        }
      });

      test("an update replaces the whole node, but not its name, type and time of creation", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data", { a: PropertyType.INT, b: PropertyType.INT });
        const { artifactIds } = await store.putArtifacts({
          artifacts: [
            {
              typeId,
              uri: "u",
              name: "n",
              externalId: "x",
              state: Artifact_State.LIVE,
              properties: { a: int(1n), b: int(2n) },
              customProperties: { c: int(3n) },
            },
          ],
        });
        const id = artifactIds[0] ?? 0n;
        await store.putArtifacts({
          artifacts: [{ id, name: "ignored", properties: { b: int(4n) } }],
        });
        const artifact = (await store.getArtifactsByID({ artifactIds })).artifacts[0];
        assert.deepEqual(
          [artifact?.uri, artifact?.name, artifact?.externalId, artifact?.state],
          ["", "n", "", Artifact_State.UNKNOWN],
        );
        assert.deepEqual(Object.keys(artifact?.properties ?? {}), ["b"]);
        assert.deepEqual(artifact?.customProperties, {});
        await assert.rejects(store.putArtifacts({ artifacts: [{ id, typeId: 99n }] }), {
          code: "invalid_argument",
          message: "Given type_id 99 is different from the one known before: 10",
        });
      });

      test("a masked update changes what the mask names, and removes what is named and not given", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data", { a: PropertyType.INT, b: PropertyType.INT });
        const { artifactIds } = await store.putArtifacts({
          artifacts: [
            {
              typeId,
              uri: "u",
              properties: { a: int(1n), b: int(2n) },
              customProperties: { c: int(3n), d: int(4n) },
            },
          ],
        });
        const id = artifactIds[0] ?? 0n;
        await store.putArtifacts({
          artifacts: [
            { id, uri: "not masked", properties: { a: int(9n) }, customProperties: { d: int(5n) } },
          ],
          updateMask: { paths: ["properties.a", "properties.b", "custom_properties", "no_such"] },
        });
        const artifact = (await store.getArtifactsByID({ artifactIds })).artifacts[0];
        assert.equal(artifact?.uri, "u");
        assert.deepEqual(plain(artifact?.properties), { a: 9n });
        assert.deepEqual(plain(artifact?.customProperties), { d: 5n });
      });

      test("a context has a name, and can be given another", async () => {
        await using store = await open();
        const { typeId } = await store.putContextType({ contextType: { name: "Run" } });
        await assert.rejects(store.putContexts({ contexts: [{ typeId }] }), {
          code: "invalid_argument",
          message: "Context name should not be empty",
        });
        const { contextIds } = await store.putContexts({ contexts: [{ typeId, name: "a" }] });
        await store.putContexts({ contexts: [{ id: contextIds[0] ?? 0n, name: "b" }] });
        const found = await store.getContextByTypeAndName({ typeName: "Run", contextName: "b" });
        assert.equal(found.context?.id, contextIds[0]);
      });

      test("reads by id give what exists, once, in the order of ids", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        await store.putArtifacts({ artifacts: [{ typeId }, { typeId }, { typeId }] });
        const { artifacts, artifactTypes } = await store.getArtifactsByID({
          artifactIds: [3n, 1n, 99n, 3n, -1n],
          populateArtifactTypes: true,
        });
        assert.deepEqual(ids(artifacts), [1n, 3n]);
        assert.deepEqual(ids(artifactTypes), [typeId]);
        assert.deepEqual((await store.getArtifactsByID({ artifactIds: [] })).artifacts, []);
      });

      test("reads by external id tell when nothing is found or an empty one is asked for", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        await store.putArtifacts({ artifacts: [{ typeId, externalId: "x" }] });
        const some = await store.getArtifactsByExternalIds({ externalIds: ["x", "y"] });
        assert.deepEqual(ids(some.artifacts), [1n]);
        await assert.rejects(store.getArtifactsByExternalIds({ externalIds: ["y"] }), {
          code: "not_found",
          message: "No artifacts found for external_ids.",
        });
        await assert.rejects(store.getArtifactsByExternalIds({ externalIds: ["x", ""] }), {
          code: "invalid_argument",
        });
      });

      test("SQL in any text is data", async () => {
        await using store = await open();
        const evil = "'; DROP TABLE Artifact; --\" OR 1=1";
        const typeId = await putType(store, evil);
        const artifact = { typeId, uri: evil, name: evil, externalId: evil };
        await store.putArtifacts({
          artifacts: [{ ...artifact, customProperties: { [evil]: text(evil) } }],
        });
        const { artifacts } = await store.getArtifactsByURI({ uris: [evil] });
        assert.equal(artifacts[0]?.customProperties[evil]?.value.value, evil);
        const quoted = evil.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
        const found = await store.getArtifacts({ options: { filterQuery: `name = '${quoted}'` } });
        assert.deepEqual(ids(found.artifacts), [1n]);
      });
    });

    describe("edges", () => {
      test("putExecution writes an execution, its artifacts, events and contexts at once", async () => {
        await using store = await open();
        const { put } = await graph(store);
        assert.deepEqual(put, {
          executionId: 1n,
          artifactIds: [1n, 2n],
          contextIds: [1n],
        });
        const { events } = await store.getEventsByExecutionIDs({ executionIds: [1n] });
        assert.deepEqual(
          events.map((event) => [
            event.artifactId,
            event.type,
            event.path?.steps.map((step) => step.value.value),
          ]),
          [
            [1n, Event_Type.INPUT, ["data", 0n]],
            [2n, Event_Type.OUTPUT, ["model", 0n]],
          ],
        );
        const { contexts } = await store.getContextsByArtifact({ artifactId: 2n });
        assert.deepEqual(ids(contexts), [1n]);
        const { executions } = await store.getExecutionsByContext({ contextId: 1n });
        assert.deepEqual(ids(executions), [1n]);
      });

      test("a failing part of putExecution leaves nothing of it", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        const { typeId: executionType } = await store.putExecutionType({
          executionType: { name: "Train" },
        });
        await assert.rejects(
          store.putExecution({
            execution: { typeId: executionType },
            artifactEventPairs: [{ artifact: { typeId }, event: { type: Event_Type.OUTPUT } }],
            contexts: [{ typeId: 99n, name: "x" }],
          }),
          { code: "not_found" },
        );
        assert.deepEqual((await store.getArtifacts({})).artifacts, []);
        assert.deepEqual((await store.getExecutions({})).executions, []);
      });

      test("contexts are reused by name without being changed", async () => {
        await using store = await open();
        const { executionType, contextType } = await graph(store);
        const put = (reuse: boolean) =>
          store.putExecution({
            execution: { typeId: executionType },
            contexts: [{ typeId: contextType, name: "run", customProperties: { x: int(1n) } }],
            options: { reuseContextIfAlreadyExist: reuse },
          });
        assert.deepEqual((await put(true)).contextIds, [1n]);
        const { contexts } = await store.getContexts({});
        assert.deepEqual(contexts[0]?.customProperties, {});
        await assert.rejects(put(false), { code: "already_exists" });
      });

      test("events join nodes that exist, once for each kind of use", async () => {
        await using store = await open();
        await graph(store);
        const event = { artifactId: 1n, executionId: 1n, type: Event_Type.INPUT };
        await assert.rejects(store.putEvents({ events: [event] }), { code: "already_exists" });
        await store.putEvents({ events: [{ ...event, type: Event_Type.OUTPUT }] });
        const cases = [
          { events: [{ ...event, artifactId: 99n }], message: "No artifact with the given id 99" },
          {
            events: [{ ...event, executionId: 99n }],
            message: "No execution with the given id 99",
          },
          {
            events: [{ ...event, type: Event_Type.UNKNOWN }],
            message: "No event type is specified.",
          },
          {
            events: [{ executionId: 1n, type: 3 as const }],
            message: "No artifact id is specified.",
          },
        ];
        for (const { events, message } of cases) {
          await assert.rejects(store.putEvents({ events }), { code: "invalid_argument", message });
        }
      });

      test("contexts form a graph without cycles", async () => {
        await using store = await open();
        const { typeId } = await store.putContextType({ contextType: { name: "C" } });
        await store.putContexts({
          contexts: ["a", "b", "c"].map((name) => ({ typeId, name })),
        });
        const link = (childId: bigint, parentId: bigint) =>
          store.putParentContexts({ parentContexts: [{ childId, parentId }] });
        await link(1n, 2n);
        await link(2n, 3n);
        await assert.rejects(link(3n, 1n), {
          code: "invalid_argument",
          message: "There is a cycle detected of the given relationship.",
        });
        await assert.rejects(link(1n, 1n), { code: "invalid_argument" });
        await assert.rejects(link(1n, 99n), { code: "invalid_argument" });
        await assert.rejects(link(1n, 2n), { code: "already_exists" });
        const parents = await store.getParentContextsByContexts({ contextIds: [1n, 2n, 3n] });
        assert.deepEqual(
          Object.entries(parents.contexts).map(([id, list]) => [id, ids(list.parentContexts)]),
          [
            ["1", [2n]],
            ["2", [3n]],
          ],
        );
        const children = await store.getChildrenContextsByContext({ contextId: 3n });
        assert.deepEqual(ids(children.contexts), [2n]);
      });
    });

    describe("lists", () => {
      for (const field of [Field.ID, Field.CREATE_TIME, Field.LAST_UPDATE_TIME]) {
        for (const isAsc of [true, false]) {
          test(`pages by ${field} ${isAsc ? "up" : "down"} give every node once, also of one time`, async () => {
            await using store = await open();
            const typeId = await putType(store, "Data");
            // One call writes all its nodes with one time.
            await store.putArtifacts({ artifacts: Array.from({ length: 23 }, () => ({ typeId })) });
            const seen: bigint[] = [];
            let nextPageToken = "";
            for (let page = 0; page < 10; page += 1) {
              const answer = await store.getArtifacts({
                options: {
                  maxResultSize: 5,
                  orderByField: { field, isAsc },
                  ...(nextPageToken === "" ? {} : { nextPageToken }),
                },
              });
              seen.push(...ids(answer.artifacts));
              nextPageToken = answer.nextPageToken;
              if (nextPageToken === "") break;
            }
            const all = Array.from({ length: 23 }, (_, index) => BigInt(index + 1));
            assert.deepEqual(seen, isAsc ? all : all.reverse());
          });
        }
      }

      test("a page larger than 100 is cut to 100, with a token for the rest", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        await store.putArtifacts({ artifacts: Array.from({ length: 130 }, () => ({ typeId })) });
        const first = await store.getArtifacts({ options: { maxResultSize: 1000 } });
        assert.equal(first.artifacts.length, 100);
        const { nextPageToken } = first;
        const second = await store.getArtifacts({
          options: { maxResultSize: 1000, nextPageToken },
        });
        assert.equal(second.artifacts.length, 30);
        assert.equal((await store.getArtifacts({})).artifacts.length, 130);
        assert.equal((await store.getArtifacts({ options: {} })).artifacts.length, 20);
      });

      test("list options that make no sense are refused", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        await store.putArtifacts({ artifacts: Array.from({ length: 3 }, () => ({ typeId })) });
        const { nextPageToken } = await store.getArtifacts({ options: { maxResultSize: 1 } });
        const cases = [
          { options: { maxResultSize: 0 }, message: /^max_result_size field value is required/ },
          { options: { maxResultSize: -5 }, message: /Set value:-5$/ },
          {
            options: { orderByField: { field: Field.FIELD_UNSPECIFIED } },
            message: /^Unsupported field: FIELD_UNSPECIFIED/,
          },
          { options: { nextPageToken: "!!" }, message: /^Failed to decode next page token/ },
          { options: { nextPageToken: "____" }, message: /^Failed to parse decoded/ },
          {
            options: { nextPageToken, orderByField: { field: Field.CREATE_TIME } },
            message: /^ListOperationOptions mismatch between calls/,
          },
        ];
        for (const { options, message } of cases) {
          await assert.rejects(store.getArtifacts({ options }), {
            code: "invalid_argument",
            message,
          });
        }
      });

      test("lists by type and by context keep to it, and to the filter", async () => {
        await using store = await open();
        await graph(store);
        const byType = await store.getArtifactsByType({ typeName: "Data", options: {} });
        assert.deepEqual([ids(byType.artifacts), byType.nextPageToken], [[1n], ""]);
        assert.deepEqual((await store.getArtifactsByType({ typeName: "No" })).artifacts, []);
        const byContext = await store.getArtifactsByContext({
          contextId: 1n,
          options: { filterQuery: "type = 'Model'" },
        });
        assert.deepEqual(ids(byContext.artifacts), [2n]);
      });
    });

    describe("filters", () => {
      for (const { query, want } of FILTERS) {
        test(`${query} gives ${want.join(", ") || "nothing"}`, async () => {
          await using store = await open();
          await filterGraph(store);
          const { artifacts } = await store.getArtifacts({ options: { filterQuery: query } });
          assert.deepEqual(ids(artifacts), want);
        });
      }
    });

    describe("lineage", () => {
      const walks: readonly {
        readonly name: string;
        readonly direction?: LineageSubgraphQueryOptions_Direction;
        readonly hops?: bigint;
        readonly artifacts: readonly bigint[];
        readonly executions: readonly bigint[];
        readonly events: number;
      }[] = [
        { name: "no hop", hops: 0n, artifacts: [2n], executions: [], events: 0 },
        { name: "one hop both ways", hops: 1n, artifacts: [2n], executions: [1n, 2n], events: 2 },
        { name: "all both ways", artifacts: [1n, 2n, 3n], executions: [1n, 2n], events: 4 },
        {
          name: "upstream",
          direction: Direction.UPSTREAM,
          artifacts: [1n, 2n],
          executions: [1n],
          events: 2,
        },
        {
          name: "downstream",
          direction: Direction.DOWNSTREAM,
          artifacts: [2n, 3n],
          executions: [2n],
          events: 2,
        },
      ];
      for (const { name, direction, hops, artifacts, executions, events } of walks) {
        test(`a subgraph from the middle of a chain, ${name}`, async () => {
          await using store = await open();
          await chain(store);
          const { lineageSubgraph } = await store.getLineageSubgraph({
            lineageSubgraphQueryOptions: {
              startingNodes: { case: "startingArtifacts", value: { filterQuery: "id = 2" } },
              ...(hops === undefined ? {} : { maxNumHops: hops }),
              ...(direction === undefined ? {} : { direction }),
            },
          });
          assert.deepEqual(ids(lineageSubgraph?.artifacts ?? []).sort(), artifacts);
          assert.deepEqual(ids(lineageSubgraph?.executions ?? []).sort(), executions);
          assert.equal(lineageSubgraph?.events.length, events);
        });
      }

      test("ending nodes end the walk, and are in it only when asked for", async () => {
        await using store = await open();
        await chain(store);
        for (const includeEndingNodes of [false, true]) {
          const { lineageSubgraph } = await store.getLineageSubgraph({
            lineageSubgraphQueryOptions: {
              startingNodes: { case: "startingArtifacts", value: { filterQuery: "id = 1" } },
              endingArtifacts: { filterQuery: "name = 'b'", includeEndingNodes },
            },
            readMask: { paths: ["artifacts", "events"] },
          });
          assert.deepEqual(
            ids(lineageSubgraph?.artifacts ?? []),
            includeEndingNodes ? [1n, 2n] : [1n],
          );
          assert.equal(lineageSubgraph?.events.length, includeEndingNodes ? 2 : 1);
          assert.deepEqual(lineageSubgraph?.executions, [], "the mask leaves executions out");
        }
      });

      test("both ways, an end that several nodes lead to keeps all its events", async () => {
        await using store = await open();
        await chain(store);
        await store.putEvents({
          events: [{ artifactId: 1n, executionId: 2n, type: Event_Type.DECLARED_INPUT }],
        });
        const { lineageSubgraph } = await store.getLineageSubgraph({
          lineageSubgraphQueryOptions: {
            startingNodes: { case: "startingArtifacts", value: { filterQuery: "id = 1" } },
            endingExecutions: { filterQuery: "id = 2", includeEndingNodes: true },
          },
        });
        assert.deepEqual(
          lineageSubgraph?.events.map((event) => [event.artifactId, event.executionId]).sort(),
          [
            [1n, 1n],
            [1n, 2n],
            [2n, 1n],
            [2n, 2n],
          ],
        );
      });

      test("starting nodes must be asked for and found", async () => {
        await using store = await open();
        await chain(store);
        const walk = (filterQuery: string) =>
          store.getLineageSubgraph({
            lineageSubgraphQueryOptions: {
              startingNodes: { case: "startingArtifacts", value: { filterQuery } },
            },
          });
        await assert.rejects(store.getLineageSubgraph({}), { code: "invalid_argument" });
        await assert.rejects(walk(""), { code: "invalid_argument" });
        await assert.rejects(walk("id = 99"), { code: "not_found" });
        await assert.rejects(walk("id ="), { code: "invalid_argument" });
      });
    });

    describe("transactions", () => {
      test("several calls are one transaction, or none", async () => {
        await using store = await open();
        await assert.rejects(
          store.transaction(async (calls) => {
            await calls.putArtifactType({ artifactType: { name: "Data" } });
            await calls.putArtifacts({ artifacts: [{ typeId: 10n }, {}] });
          }),
          { code: "invalid_argument" },
        );
        assert.deepEqual((await store.getArtifactTypes({})).artifactTypes, []);
      });

      test("writers in turn each get ids of their own", async () => {
        await using store = await open();
        const typeId = await putType(store, "Data");
        const puts = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            store.putArtifacts({ artifacts: [{ typeId, name: `a${index}` }] }),
          ),
        );
        const all = puts.flatMap((put) => put.artifactIds);
        assert.equal(new Set(all).size, 20);
        assert.equal((await store.getArtifacts({})).artifacts.length, 20);
      });
    });
  });
}

/** Filter queries over the artifacts of `filterGraph`, with the ids of those that match. */
const FILTERS: readonly { readonly query: string; readonly want: readonly bigint[] }[] = [
  { query: "id = 2", want: [2n] },
  { query: "id IN (1, 0x3) AND NOT id = 1", want: [3n] },
  { query: "ID between 2 and 3", want: [2n, 3n] },
  { query: "type = 'Data' OR type = \"Model\"", want: [1n, 2n, 3n] },
  { query: "name = 'it\\'s'", want: [2n] },
  { query: "name = 'uri'", want: [3n] },
  { query: "name IS NULL", want: [] },
  { query: "uri LIKE 's3://%'", want: [1n, 3n] },
  { query: "uri LIKE 's3://b/10\\\\%'", want: [3n] },
  { query: "uri NOT LIKE '%b%'", want: [2n] },
  { query: "state = LIVE", want: [1n] },
  { query: "state != LIVE", want: [2n, 3n] },
  { query: "state NOT IN (LIVE, DELETED)", want: [3n] },
  { query: "state IS NULL", want: [3n] },
  { query: "properties.size.int_value > 5", want: [2n] },
  {
    query: "properties.size.int_value > 5 AND custom_properties.`tag name`.string_value = 'x'",
    want: [2n],
  },
  { query: "custom_properties.ratio.double_value = 0.5", want: [1n] },
  { query: "custom_properties.done.bool_value = true", want: [3n] },
  { query: "(properties.size.int_value = 5 OR id = 3)", want: [1n] },
  { query: "contexts_a.name = 'run' AND contexts_a.type = 'Run'", want: [1n, 2n] },
  { query: "contexts_a.name = 'run' AND contexts_b.name = 'other'", want: [2n] },
  { query: "contexts_a.name = 'run' AND contexts_a.name = 'other'", want: [] },
  { query: "events_e.type = OUTPUT", want: [2n] },
  { query: "events_e.execution_id = 1 AND events_e.type != OUTPUT", want: [1n] },
  { query: "events_e.milliseconds_since_epoch + 0 < 0", want: [] },
  { query: "id * 2 + 1 = 5", want: [2n] },
  { query: "id / 2 = 0.5", want: [1n] },
  { query: "id + 1 << 1 = 4 -- comment", want: [1n] },
  { query: "-id < -2", want: [3n] },
  { query: "MOD(id, 2) = 0", want: [2n] },
  { query: "CASE WHEN id = 1 THEN 'a' ELSE name END = 'a'", want: [1n] },
  { query: "CAST(id AS STRING) = '3'", want: [3n] },
  { query: "CONCAT(type, '-', name) = 'Model-uri'", want: [3n] },
  { query: "name || '!' = 'a!'", want: [1n] },
  { query: "STARTS_WITH(uri, 's3:') AND LENGTH(name) = 3", want: [3n] },
  { query: "COALESCE(properties.size.string_value, UPPER('x')) = 'X'", want: [1n, 2n] },
  { query: "IF(id > 2, TRUE, FALSE) IS TRUE", want: [3n] },
  { query: "GREATEST(id, 2) = 2", want: [1n, 2n] },
  { query: "id = (SELECT 1)", want: [1n] },
  { query: "TRUE", want: [1n, 2n, 3n] },
  { query: "NULL", want: [] },
];

async function putType(
  store: MetadataStore,
  name: string,
  properties: Record<string, PropertyType> = {},
): Promise<bigint> {
  return (await store.putArtifactType({ artifactType: { name, properties } })).typeId;
}

/** Artifact 1 of type Data is read by execution 1, which makes artifact 2 of type Model, in context 1. */
async function graph(store: MetadataStore) {
  const data = await putType(store, "Data");
  const model = await putType(store, "Model");
  const { typeId: executionType } = await store.putExecutionType({
    executionType: { name: "Train" },
  });
  const { typeId: contextType } = await store.putContextType({ contextType: { name: "Run" } });
  const path = (key: string) => ({
    steps: [
      { value: { case: "key" as const, value: key } },
      { value: { case: "index" as const, value: 0n } },
    ],
  });
  const { executionId, artifactIds, contextIds } = await store.putExecution({
    execution: { typeId: executionType, lastKnownState: Execution_State.COMPLETE },
    artifactEventPairs: [
      { artifact: { typeId: data }, event: { type: Event_Type.INPUT, path: path("data") } },
      { artifact: { typeId: model }, event: { type: Event_Type.OUTPUT, path: path("model") } },
    ],
    contexts: [{ typeId: contextType, name: "run" }],
  });
  return { executionType, contextType, put: { executionId, artifactIds, contextIds } };
}

async function filterGraph(store: MetadataStore): Promise<void> {
  const data = await putType(store, "Data", { size: PropertyType.INT });
  const model = await putType(store, "Model");
  const { typeId: train } = await store.putExecutionType({ executionType: { name: "Train" } });
  const { typeId: run } = await store.putContextType({ contextType: { name: "Run" } });
  await store.putExecution({
    execution: { typeId: train },
    artifactEventPairs: [
      {
        artifact: {
          typeId: data,
          name: "a",
          uri: "s3://b/1",
          state: Artifact_State.LIVE,
          properties: { size: int(5n) },
          customProperties: { ratio: double(0.5) },
        },
        event: { type: Event_Type.INPUT },
      },
      {
        artifact: {
          typeId: data,
          name: "it's",
          uri: "/local",
          state: Artifact_State.DELETED,
          properties: { size: int(6n) },
          customProperties: { "tag name": text("x") },
        },
        event: { type: Event_Type.OUTPUT },
      },
    ],
    contexts: [{ typeId: run, name: "run" }],
  });
  await store.putArtifacts({
    artifacts: [
      {
        typeId: model,
        name: "uri",
        uri: "s3://b/10%",
        customProperties: { done: { value: { case: "boolValue", value: true } } },
      },
    ],
  });
  const other = await store.putContexts({ contexts: [{ typeId: run, name: "other" }] });
  await store.putAttributionsAndAssociations({
    attributions: [{ artifactId: 2n, contextId: other.contextIds[0] ?? 0n }],
  });
}

/** Artifacts a, b, c in a row, with an execution between each two. */
async function chain(store: MetadataStore): Promise<void> {
  const typeId = await putType(store, "Data");
  const { typeId: step } = await store.putExecutionType({ executionType: { name: "Step" } });
  await store.putArtifacts({ artifacts: ["a", "b", "c"].map((name) => ({ typeId, name })) });
  for (const id of [1n, 2n]) {
    await store.putExecution({
      execution: { typeId: step },
      artifactEventPairs: [
        { event: { artifactId: id, type: Event_Type.INPUT } },
        { event: { artifactId: id + 1n, type: Event_Type.OUTPUT } },
      ],
    });
  }
}

function ids(nodes: readonly { readonly id: bigint }[]): bigint[] {
  return nodes.map((node) => node.id);
}

function plain(values: { readonly [name: string]: { readonly value: { value?: unknown } } } = {}) {
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value.value]));
}
