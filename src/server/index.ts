export { type Authentication, openAuthentication, tokenAuthentication } from "./authentication.ts";
export type { Limits } from "./frame.ts";
export { isLoopback } from "./guard.ts";
export type { Readiness } from "./health.ts";
export {
  defineRoute,
  type ErrorBody,
  jsonResponse,
  type ParamsOf,
  type Route,
  type RouteDefinition,
  type RouteRequest,
  type RouteResponse,
} from "./route.ts";
export {
  defineRpc,
  type RpcCall,
  type RpcDefinition,
  type RpcMethod,
  type RpcService,
} from "./rpc.ts";
export { type ServeOptions, type Server, serve } from "./serve.ts";
export { HttpError, httpStatusOf } from "./status.ts";
