import type { PlainValue } from "../metadata/index.ts";
import type { ArtifactNode, ExecutionNode, LineageEdge, LineageGraph } from "./graph.ts";

const VALUE_LENGTH_MAX = 120;
const COMMIT_LENGTH = 12;
const DIGEST_LENGTH = 12;

/**
 * The graph as a tree for reading: each execution with its parameters and code version, each artifact
 * with the digest of its bytes. What is reached by several ways is written out once.
 */
export function renderText(graph: LineageGraph): string {
  const index = indexOf(graph);
  const lines: string[] = [];
  const shown = new Set<string>();
  const arrow = graph.direction === "upstream" ? "<-" : "->";

  const start = index.nodes.get(`${graph.start.kind}:${graph.start.id}`);
  // A stack of our own: chains of snapshots are longer than calls may be deep.
  const stack = start === undefined ? [] : [{ node: start, depth: 0, via: "" }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, depth, via } = entry;
    const indent = "   ".repeat(depth);
    const lead = depth === 0 ? "" : `${arrow} `;
    const again = shown.has(keyOf(node));
    const label = via === "" ? "" : `${via}: `;
    lines.push(`${indent}${lead}${label}${titleOf(node)}${again ? " (see above)" : ""}`);
    if (again) continue;
    shown.add(keyOf(node));
    const detailIndent = `${indent}${" ".repeat(lead.length)}  `;
    for (const detail of detailsOf(node)) lines.push(`${detailIndent}${detail}`);
    const { onward, reuseCount } = withoutReuses(index.onward(node));
    if (reuseCount > 0)
      lines.push(
        `${detailIndent}reused by ${reuseCount} cached ${reuseCount === 1 ? "execution" : "executions"}`,
      );
    for (const { edge, next } of onward.toReversed()) {
      stack.push({ node: next, depth: depth + 1, via: edge.path });
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The graph as one JSON document; 64-bit ids are strings. */
export function renderJson(graph: LineageGraph): string {
  const text = JSON.stringify(
    graph,
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
  return `${text}\n`;
}

/** The graph in Graphviz's language: artifacts are boxes, executions ovals, arrows follow the data. */
export function renderDot(graph: LineageGraph): string {
  const lines = ["digraph lineage {", "  rankdir=LR;"];
  for (const node of graph.artifacts) {
    lines.push(`  ${dotId(node)} [shape=box, label=${dotText(shortTitle(node))}];`);
  }
  for (const node of graph.executions) {
    lines.push(`  ${dotId(node)} [shape=oval, label=${dotText(`${node.type}\n${node.state}`)}];`);
  }
  for (const { artifactId, executionId, role, path } of graph.edges) {
    const [from, to] =
      role === "input"
        ? [`artifact_${artifactId}`, `execution_${executionId}`]
        : [`execution_${executionId}`, `artifact_${artifactId}`];
    lines.push(`  ${from} -> ${to} [label=${dotText(path)}];`);
  }
  lines.push("}");
  return `${lines.join("\n")}\n`;
}

type Neighbour = {
  readonly edge: LineageEdge;
  readonly next: ArtifactNode | ExecutionNode;
};

function indexOf(graph: LineageGraph) {
  const nodes = new Map<string, ArtifactNode | ExecutionNode>();
  for (const node of [...graph.artifacts, ...graph.executions]) nodes.set(keyOf(node), node);
  const edges = new Map<string, Neighbour[]>();
  // Upstream an artifact leads to the execution that put it out, an execution to what went in.
  const fromArtifact = graph.direction === "upstream" ? "output" : "input";
  for (const edge of graph.edges) {
    const artifact = `artifact:${edge.artifactId}`;
    const execution = `execution:${edge.executionId}`;
    const [from, to] = edge.role === fromArtifact ? [artifact, execution] : [execution, artifact];
    const next = nodes.get(to);
    if (next === undefined) continue;
    const list = edges.get(from);
    if (list === undefined) edges.set(from, [{ edge, next }]);
    else list.push({ edge, next });
  }
  return {
    nodes,
    onward: (node: ArtifactNode | ExecutionNode) => edges.get(keyOf(node)) ?? [],
  };
}

/** Executions that only reused an artifact are counted, beside the one that made it. */
function withoutReuses(all: readonly Neighbour[]): {
  readonly onward: readonly Neighbour[];
  readonly reuseCount: number;
} {
  const isReuse = ({ edge, next }: Neighbour) =>
    edge.role === "output" && next.kind === "execution" && next.state === "CACHED";
  const onward = all.filter((one) => !isReuse(one));
  return onward.length === 0
    ? { onward: all, reuseCount: 0 }
    : { onward, reuseCount: all.length - onward.length };
}

function keyOf(node: ArtifactNode | ExecutionNode): string {
  return `${node.kind}:${node.id}`;
}

function titleOf(node: ArtifactNode | ExecutionNode): string {
  if (node.kind === "execution") {
    const tookS = (node.endedMs - node.startedMs) / 1_000;
    const started = new Date(node.startedMs).toISOString().slice(0, 19).replace("T", " ");
    return `${node.type} ${node.state} ${started} UTC, ${tookS.toFixed(1)} s [execution:${node.id}]`;
  }
  const name = node.name === "" ? "" : ` "${node.name}"`;
  const state = node.state === "LIVE" ? "" : ` ${node.state}`;
  return `${node.type}${name}${state} [artifact:${node.id}]`;
}

function detailsOf(node: ArtifactNode | ExecutionNode): string[] {
  if (node.kind === "artifact") {
    const details = node.uri === "" ? [] : [node.uri];
    if (node.digest !== undefined) details.push(node.digest);
    return details;
  }
  const details: string[] = [];
  const parameters = Object.entries(node.parameters);
  if (parameters.length > 0) {
    details.push(
      `parameters: ${parameters.map(([name, value]) => `${name}=${show(value)}`).join(", ")}`,
    );
  }
  const commit = node.code["code_commit"];
  if (typeof commit === "string") {
    const dirty = node.code["code_dirty"] === true ? " with local changes" : "";
    details.push(`code: ${commit.slice(0, COMMIT_LENGTH)}${dirty}`);
  }
  const message = node.facts["error_message"];
  if (message !== undefined) details.push(`error: ${show(message)}`);
  return details;
}

function shortTitle(node: ArtifactNode): string {
  const name = node.name === "" ? `artifact:${node.id}` : node.name;
  const digest = node.digest?.slice(0, node.digest.indexOf(":") + 1 + DIGEST_LENGTH);
  return [node.type, name, ...(digest === undefined ? [] : [digest])].join("\n");
}

function show(value: PlainValue): string {
  const text =
    typeof value === "object"
      ? JSON.stringify(value, (_, member: unknown) =>
          typeof member === "bigint" ? member.toString() : member,
        )
      : String(value);
  return text.length <= VALUE_LENGTH_MAX ? text : `${text.slice(0, VALUE_LENGTH_MAX)}...`;
}

function dotId(node: ArtifactNode | ExecutionNode): string {
  return `${node.kind}_${node.id}`;
}

function dotText(text: string): string {
  return JSON.stringify(text);
}
