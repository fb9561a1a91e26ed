import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { MetadataStoreService } from "../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { ReadTransaction, WriteTransaction } from "../database/index.ts";

type Methods = (typeof MetadataStoreService)["method"];

/** The name of a call: `putArtifacts`, `getEventsByArtifactIDs`, ... */
export type CallName = keyof Methods;

/** What a call is given: a request message, or the fields of one. */
export type CallRequest<M extends CallName> = MessageInitShape<Methods[M]["input"]>;

/** The request message of a call. */
export type RequestMessage<M extends CallName> = MessageShape<Methods[M]["input"]>;

/** What a call answers: the service's response message. */
export type CallResponse<M extends CallName> = MessageShape<Methods[M]["output"]>;

/**
 * The 52 calls of ML Metadata's service, by name, each taking the fields of its request message and
 * giving its response message. Ids are `bigint`; a field that is not set reads as its default, so ask
 * `Object.hasOwn(artifact, "name")` where the difference matters. Every call is one transaction: it
 * takes effect as a whole or not at all. Errors carry ML Metadata's status as their code.
 *
 * ```ts
 * const { artifacts } = await store.getArtifactsByType({ typeName: "Examples" });
 * ```
 */
export type MetadataCalls = {
  readonly [M in CallName]: (request: CallRequest<M>) => Promise<CallResponse<M>>;
};

/** The calls that change nothing. */
export type ReadingCalls = Omit<MetadataCalls, Extract<CallName, `put${string}`>>;

/** A store of artifacts, executions, contexts and the edges between them, in ML Metadata's layout. */
export interface MetadataStore extends MetadataCalls, AsyncDisposable {
  /** Where the store is, for messages; never holds secrets. */
  readonly location: string;

  /**
   * Runs several calls, and statements on tables of our own (`waybill_...`), as one transaction. Inside
   * it only the calls it gives may be used: a call on the store itself would wait for its end.
   */
  transaction<T>(work: (calls: MetadataCalls, rows: WriteTransaction) => Promise<T>): Promise<T>;

  /** Runs several reading calls and statements on one committed state of the store. */
  snapshot<T>(work: (calls: ReadingCalls, rows: ReadTransaction) => Promise<T>): Promise<T>;
}
