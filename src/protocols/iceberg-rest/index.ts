export { type IcebergRestOptions, icebergRoutes } from "./routes.ts";
