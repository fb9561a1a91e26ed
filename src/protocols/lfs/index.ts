export { type LfsOptions, lfsRoutes, type Upload } from "./routes.ts";
