export {
  type ArtifactNode,
  type ExecutionNode,
  impact,
  type LineageEdge,
  type LineageGraph,
  type LineageOptions,
  type LineageStart,
  upstream,
} from "./graph.ts";
export { renderDot, renderJson, renderText } from "./render.ts";
export { resolveReference } from "./resolve.ts";
