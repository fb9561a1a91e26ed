import type { Artifact, Value } from "../../gen/ml_metadata/proto/metadata_store_pb.ts";
import type { Log, Progress } from "../foundation/index.ts";

/**
 * A property value as TypeScript has it: `bigint` becomes int_value, `number` double_value (int_value
 * where the type declares INT), `string`, `boolean`, a plain object or array struct_value.
 */
export type PropertyValue =
  | string
  | number
  | bigint
  | boolean
  | readonly PropertyValue[]
  | { readonly [key: string]: PropertyValue | null };

export type Properties = Readonly<Record<string, PropertyValue>>;

/** What a step leaves behind. */
export interface Output {
  /** Where the bytes are; they are durable before the step returns. */
  readonly uri: string;
  /** Unique among the artifacts of its type when given. */
  readonly name?: string;
  /** Properties that the artifact type declares. Ours are declared as they are first written. */
  readonly properties?: Properties;
  readonly customProperties?: Properties;
  /** Moves a named head to this artifact in the transaction that records it, if it still is `expect`. */
  readonly ref?: RefMove;
}

/** A compare-and-swap of a named head: a table, a schema, a branch, a tag. */
export interface RefMove {
  readonly name: string;
  /** The artifact the head must point at now; undefined when it must not exist yet. */
  readonly expect: bigint | undefined;
}

/**
 * An open recording: one Execution, RUNNING until the body returns. Parts take it as the first argument
 * of every verb with effects and never open one themselves.
 */
export interface Step {
  readonly executionId: bigint;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly log: Log;
  /** Adds an input that was found only while working; one that is there already is not added twice. */
  input(key: string, artifact: Artifact): void;
  /** Records a parameter or a measured fact on the Execution. */
  note(name: string, value: PropertyValue): void;
  /**
   * Declares an output under `key`; several under one key get indexes in order. The Artifact that is
   * returned gets its id when the step closes.
   */
  output(key: string, type: string, output: Output): Artifact;
}

export interface StepOptions<T> {
  /** The run (Context of type `pipeline_run`) that the Execution belongs to, and its pipeline. */
  readonly run?: Run;
  readonly inputs?: Readonly<Record<string, Artifact | readonly Artifact[]>>;
  /** Parameters: recorded, and part of the cache key. */
  readonly parameters?: Properties;
  /**
   * Makes the step reusable. When an earlier COMPLETE Execution of the same type had equal inputs and
   * parameters and its outputs are LIVE, `reuse` gets them by key; if it returns a value, the step is
   * recorded as CACHED with OUTPUT events to those artifacts, and the body does not run. It returns
   * undefined when the bytes are gone or changed.
   */
  readonly reuse?: (outputs: ReadonlyMap<string, readonly Artifact[]>) => Promise<T | undefined>;
  readonly signal?: AbortSignal;
}

/** A named run of a named pipeline; both become Contexts, the run a child of the pipeline. */
export interface Run {
  readonly pipeline: string;
  readonly id: string;
}

/** Who and what ran: taken anew for each Execution. Keys are recorded as custom properties. */
export type Stamp = () => Promise<Properties>;

/** What a step gave, and whether it ran or was reused. */
export interface StepResult<T> {
  readonly value: T;
  readonly executionId: bigint;
  readonly cached: boolean;
}

/** The one way by which effects are recorded. */
export interface Recorder {
  /**
   * Opens an Execution as RUNNING with its INPUT events, runs `body`, and closes it: outputs, OUTPUT
   * events, refs and COMPLETE in one transaction; on a throw FAILED with class, message and stack, and
   * pending outputs ABANDONED. The throw goes on.
   * @throws `aborted` when a ref was moved by somebody else; then nothing of the step is written
   */
  step<T>(
    type: string,
    options: StepOptions<T>,
    body: (step: Step) => Promise<T>,
  ): Promise<StepResult<T>>;

  /** The artifact that a named head points at, or undefined. */
  ref(name: string): Promise<Artifact | undefined>;

  /** Closes as FAILED what a killed process of this machine left RUNNING; returns how many. */
  reap(): Promise<number>;
}

/** The plain value inside a property value; struct and proto values come back as they are. */
export type PlainValue = Value["value"]["value"];
