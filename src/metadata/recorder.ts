import { create } from "@bufbuild/protobuf";
import {
  type Artifact,
  Artifact_State,
  ArtifactSchema,
  Event_Type,
  Execution_State,
} from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import {
  type Clock,
  type Log,
  type Progress,
  silentLog,
  silentProgress,
  systemClock,
  WaybillError,
} from "../foundation/index.ts";
import { cacheKey, type StepInputs } from "./cache-key.ts";
import { deadLeases, endLease, renewLease, thisProcess } from "./lease.ts";
import { toValues } from "./properties.ts";
import type {
  Output,
  Properties,
  PropertyValue,
  Recorder,
  Stamp,
  Step,
  StepOptions,
  StepResult,
} from "./record.ts";
import { ensureOwnTables, readRef } from "./refs.ts";
import {
  closeExecution,
  failExecution,
  type Opened,
  type Opening,
  openExecution,
  type PendingOutput,
  recordCached,
} from "./step-record.ts";
import type { MetadataStore, ReadingCalls } from "./store.ts";

/** A lease that is not renewed for so long has nobody who holds it. */
const LEASE_MS = 60_000;
const STACK_LENGTH_MAX = 10_000;

export interface RecorderOptions {
  /** Code version, environment and user; recorded on every Execution. */
  readonly stamp?: Stamp;
  /** The version of the program that works: what another version made is not reused. */
  readonly version?: string;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly progress?: Progress;
  /** Ends every open step: its Execution is closed as CANCELED when the body throws. */
  readonly signal?: AbortSignal;
}

/** The recorder over a store. It keeps no state of its own: any number may share a store. */
export function createRecorder(store: MetadataStore, options: RecorderOptions = {}): Recorder {
  const {
    stamp = async () => ({}),
    clock = systemClock,
    log = silentLog,
    progress = silentProgress,
  } = options;
  const holder = thisProcess();

  async function step<T>(
    type: string,
    stepOptions: StepOptions<T>,
    body: (step: Step) => Promise<T>,
  ): Promise<StepResult<T>> {
    const signal = anySignal(options.signal, stepOptions.signal);
    throwIfAborted(signal);
    const inputs = normalizeInputs(stepOptions.inputs ?? {});
    const parameters = stepOptions.parameters ?? {};
    const opening: Opening = {
      type,
      run: stepOptions.run,
      inputs,
      parameters,
      stamp: await stamp(),
      cacheKey:
        stepOptions.reuse === undefined
          ? undefined
          : cacheKey(type, inputs, parameters, options.version),
    };
    const reused = await tryReuse(store, opening, stepOptions.reuse, log);
    if (reused !== undefined) return reused;

    await ensureOwnTables(store);
    const opened = await store.transaction((calls, rows) =>
      openExecution(calls, rows, opening, { holder, expiresMs: clock.nowMs() + LEASE_MS }),
    );
    await using _heartbeat = keepLease(store, opened.executionId, clock, log);
    const work = new OpenStep(opened.executionId, inputs, signal, progress, log);
    let value: T;
    try {
      value = await body(work);
    } catch (error) {
      await closeFailed(store, opened, work, work.outputs, error, signal.aborted, log);
      throw error;
    }
    try {
      const recorded = await store.transaction((calls, rows) =>
        closeExecution(calls, rows, opened, work.inputs, work.notes, work.outputs),
      );
      work.publish(recorded);
    } catch (error) {
      await closeFailed(store, opened, work, [], error, false, log);
      throw error;
    }
    return { value, executionId: opened.executionId, cached: false };
  }

  async function ref(name: string): Promise<Artifact | undefined> {
    return store.snapshot(async (calls, rows) => {
      const id = await readRef(rows, name);
      if (id === undefined) return undefined;
      return (await calls.getArtifactsByID({ artifactIds: [id] })).artifacts[0];
    });
  }

  async function reap(): Promise<number> {
    await ensureOwnTables(store);
    return store.transaction(async (calls, rows) => {
      const dead = await deadLeases(rows, holder, clock.nowMs());
      for (const { executionId, reason } of dead) {
        await endLease(rows, executionId);
        const { executions } = await calls.getExecutionsByID({ executionIds: [executionId] });
        const execution = executions[0];
        if (execution?.lastKnownState !== Execution_State.RUNNING) continue;
        execution.lastKnownState = Execution_State.FAILED;
        Object.assign(
          execution.customProperties,
          toValues({ error_class: "Killed", error_message: reason }),
        );
        await calls.putExecutions({ executions: [execution] });
        log.log("info", `closed execution ${executionId} (${execution.type}) as FAILED: ${reason}`);
      }
      return dead.length;
    });
  }

  return { step, ref, reap };
}

/** What a step's body sees, and what it has declared so far. */
class OpenStep implements Step {
  readonly executionId: bigint;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly log: Log;
  readonly inputs = new Map<string, Artifact[]>();
  readonly outputs: PendingOutput[] = [];
  readonly notes: Record<string, PropertyValue> = {};
  readonly #opening: StepInputs;

  constructor(
    executionId: bigint,
    opening: StepInputs,
    signal: AbortSignal,
    progress: Progress,
    log: Log,
  ) {
    this.executionId = executionId;
    this.#opening = opening;
    this.signal = signal;
    this.progress = progress;
    this.log = log;
  }

  input(key: string, artifact: Artifact): void {
    assertRecorded(key, artifact);
    const list = this.inputs.get(key);
    // A part names what it reads; its caller may have named it when it opened the step.
    const known = [...(this.#opening.get(key) ?? []), ...(list ?? [])];
    if (known.some(({ id }) => id === artifact.id)) return;
    if (list === undefined) this.inputs.set(key, [artifact]);
    else list.push(artifact);
  }

  note(name: string, value: PropertyValue): void {
    this.notes[name] = value;
  }

  output(key: string, type: string, output: Output): Artifact {
    const artifact = create(ArtifactSchema, {
      uri: output.uri,
      type,
      state: Artifact_State.PENDING,
      properties: toValues(output.properties ?? {}),
      customProperties: toValues(output.customProperties ?? {}),
      ...(output.name === undefined ? {} : { name: output.name }),
    });
    this.outputs.push({ key, type, output, artifact });
    return artifact;
  }

  /** Fills in what the record has decided, once it is committed. */
  publish(recorded: readonly Artifact[]): void {
    for (const [index, { artifact }] of this.outputs.entries()) {
      const { id, typeId, properties } = recorded[index] ?? artifact;
      Object.assign(artifact, { id, typeId, properties, state: Artifact_State.LIVE });
    }
  }
}

async function tryReuse<T>(
  store: MetadataStore,
  opening: Opening,
  reuse: StepOptions<T>["reuse"],
  log: Log,
): Promise<StepResult<T> | undefined> {
  const { cacheKey: key } = opening;
  if (reuse === undefined || key === undefined) return undefined;
  const candidates = await store.snapshot((calls) => earlierOutputs(calls, key));
  for (const outputs of candidates) {
    const value = await reuse(outputs);
    if (value === undefined) continue;
    const { executionId } = await store.transaction((calls) =>
      recordCached(calls, opening, outputs),
    );
    log.log("debug", `${opening.type}: reused what an earlier execution left`);
    return { value, executionId, cached: true };
  }
  return undefined;
}

/** Outputs by key of the COMPLETE executions of a cache entry, newest first, where all are LIVE. */
async function earlierOutputs(
  calls: ReadingCalls,
  key: string,
): Promise<ReadonlyMap<string, readonly Artifact[]>[]> {
  const { context } = await calls.getContextByTypeAndName({
    typeName: "execution_cache",
    contextName: key,
  });
  if (context === undefined) return [];
  const { executions } = await calls.getExecutionsByContext({ contextId: context.id });
  const complete = executions
    .filter((execution) => execution.lastKnownState === Execution_State.COMPLETE)
    .sort((a, b) => (a.id > b.id ? -1 : 1));
  const { events } = await calls.getEventsByExecutionIDs({
    executionIds: complete.map((execution) => execution.id),
  });
  const outputEvents = events.filter((event) => event.type === Event_Type.OUTPUT);
  const { artifacts } = await calls.getArtifactsByID({
    artifactIds: outputEvents.map((event) => event.artifactId),
  });
  const byId = new Map(artifacts.map((artifact) => [artifact.id, artifact]));
  const found: Map<string, Artifact[]>[] = [];
  for (const execution of complete) {
    const outputs = new Map<string, Artifact[]>();
    let areLive = true;
    for (const event of outputEvents.filter((one) => one.executionId === execution.id)) {
      const artifact = byId.get(event.artifactId);
      if (artifact?.state !== Artifact_State.LIVE) areLive = false;
      else placeByPath(outputs, event.path?.steps ?? [], artifact);
    }
    if (areLive) found.push(outputs);
  }
  return found;
}

function placeByPath(
  outputs: Map<string, Artifact[]>,
  steps: readonly { readonly value: { case: string | undefined; value?: unknown } }[],
  artifact: Artifact,
): void {
  let key = "";
  for (const { value } of steps) {
    if (value.case === "key") {
      key = String(value.value);
      continue;
    }
    const list = outputs.get(key) ?? [];
    list[Number(value.value)] = artifact;
    outputs.set(key, list);
  }
}

async function closeFailed(
  store: MetadataStore,
  opened: Opened,
  work: OpenStep,
  outputs: readonly PendingOutput[],
  error: unknown,
  isCanceled: boolean,
  log: Log,
): Promise<void> {
  try {
    await store.transaction((calls, rows) =>
      failExecution(calls, rows, opened, work.inputs, work.notes, outputs, {
        state: isCanceled ? Execution_State.CANCELED : Execution_State.FAILED,
        properties: errorProperties(error),
      }),
    );
  } catch (second) {
    // The step's own error is the one to tell; the reaper closes the execution later.
    log.log(
      "warn",
      `could not close execution ${opened.executionId}: ${WaybillError.from(second).message}`,
    );
  }
}

function errorProperties(error: unknown): Properties {
  if (!(error instanceof Error)) return { error_class: typeof error, error_message: String(error) };
  return {
    error_class: error.name,
    error_message: error.message,
    error_stack: (error.stack ?? "").slice(0, STACK_LENGTH_MAX),
    ...(error instanceof WaybillError ? { error_code: error.code } : {}),
  };
}

/** Renews the lease of an open step until it is disposed of; never keeps the process alive. */
function keepLease(
  store: MetadataStore,
  executionId: bigint,
  clock: Clock,
  log: Log,
): AsyncDisposable {
  let renewal: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    renewal = store
      .transaction((_, rows) => renewLease(rows, executionId, clock.nowMs() + LEASE_MS))
      .catch((error: unknown) => {
        log.log("warn", `could not renew a lease: ${WaybillError.from(error).message}`);
      });
  }, LEASE_MS / 3);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await renewal;
    },
  };
}

function normalizeInputs(
  inputs: Readonly<Record<string, Artifact | readonly Artifact[]>>,
): Map<string, readonly Artifact[]> {
  const lists = new Map<string, readonly Artifact[]>();
  for (const [key, given] of Object.entries(inputs)) {
    const list = isList(given) ? given : [given];
    for (const artifact of list) assertRecorded(key, artifact);
    lists.set(key, list);
  }
  return lists;
}

function isList(given: Artifact | readonly Artifact[]): given is readonly Artifact[] {
  return Array.isArray(given);
}

function assertRecorded(key: string, artifact: Artifact): void {
  if (artifact.id > 0n) return;
  throw new WaybillError(
    "invalid_argument",
    `Input "${key}" ("${artifact.uri}") is not recorded yet: it has no id.`,
    { hint: "An output becomes an artifact when its step has closed." },
  );
}

function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new WaybillError("cancelled", "Interrupted.", { cause: signal.reason });
  }
}
