import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type Artifact,
  ArtifactType_SystemDefinedBaseType as ArtifactBase,
  ArtifactSchema,
  type ArtifactType,
  ArtifactTypeSchema,
  type Context,
  ContextSchema,
  type ContextType,
  ContextTypeSchema,
  type Execution,
  ExecutionType_SystemDefinedBaseType as ExecutionBase,
  ExecutionSchema,
  type ExecutionType,
  ExecutionTypeSchema,
} from "../../../gen/ml_metadata/proto/metadata_store_pb.ts";

/** A node of the graph. */
export type Node = Artifact | Execution | Context;

/** A type of nodes. */
export type NodeType = ArtifactType | ExecutionType | ContextType;

/** The tables that hold one kind of node. */
export interface KindTables {
  readonly word: "artifact" | "execution" | "context";
  readonly table: "Artifact" | "Execution" | "Context";
  readonly propertyTable: "ArtifactProperty" | "ExecutionProperty" | "ContextProperty";
  /** The column of the property table that points at the node. */
  readonly idColumn: "artifact_id" | "execution_id" | "context_id";
  /** Columns beyond those that every node has, and the message fields that they hold. */
  readonly columns: readonly { readonly column: string; readonly field: string }[];
}

/** What sets the types of one kind of node apart. */
export interface TypeKind<T extends NodeType> {
  readonly typeSchema: GenMessage<T>;
  /** Type.type_kind of its types. */
  readonly typeKind: bigint;
  /** System types that a type may have as its base, by the value of `base_type`. */
  readonly baseTypes: ReadonlyMap<number, string>;
}

/** One kind of node and its types. */
export interface NodeKind<N extends Node, T extends NodeType = NodeType>
  extends KindTables,
    TypeKind<T> {
  readonly schema: GenMessage<N>;
}

export const artifactKind: NodeKind<Artifact, ArtifactType> = {
  word: "artifact",
  schema: ArtifactSchema,
  typeSchema: ArtifactTypeSchema,
  typeKind: 1n,
  table: "Artifact",
  propertyTable: "ArtifactProperty",
  idColumn: "artifact_id",
  columns: [
    { column: "uri", field: "uri" },
    { column: "state", field: "state" },
  ],
  baseTypes: new Map([
    [ArtifactBase.DATASET, "mlmd.Dataset"],
    [ArtifactBase.MODEL, "mlmd.Model"],
    [ArtifactBase.METRICS, "mlmd.Metrics"],
    [ArtifactBase.STATISTICS, "mlmd.Statistics"],
  ]),
};

export const executionKind: NodeKind<Execution, ExecutionType> = {
  word: "execution",
  schema: ExecutionSchema,
  typeSchema: ExecutionTypeSchema,
  typeKind: 0n,
  table: "Execution",
  propertyTable: "ExecutionProperty",
  idColumn: "execution_id",
  columns: [{ column: "last_known_state", field: "lastKnownState" }],
  baseTypes: new Map([
    [ExecutionBase.TRAIN, "mlmd.Train"],
    [ExecutionBase.TRANSFORM, "mlmd.Transform"],
    [ExecutionBase.PROCESS, "mlmd.Process"],
    [ExecutionBase.EVALUATE, "mlmd.Evaluate"],
    [ExecutionBase.DEPLOY, "mlmd.Deploy"],
  ]),
};

export const contextKind: NodeKind<Context, ContextType> = {
  word: "context",
  schema: ContextSchema,
  typeSchema: ContextTypeSchema,
  typeKind: 2n,
  table: "Context",
  propertyTable: "ContextProperty",
  idColumn: "context_id",
  columns: [],
  baseTypes: new Map(),
};

/** The types that every store holds, in the order of their ids in a new one. */
export const systemTypes: readonly { readonly name: string; readonly typeKind: bigint }[] = [
  ...[...artifactKind.baseTypes.values()].map((name) => ({ name, typeKind: 1n })),
  ...[...executionKind.baseTypes.values()].map((name) => ({ name, typeKind: 0n })),
];
