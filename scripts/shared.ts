import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The folder of shared interoperability material, or undefined when a clone has none.
 * It is found by `WAYBILL_SHARED`, by default `../shared` beside the checkout.
 */
export function sharedFolder(): string | undefined {
  const folder = resolve(root, process.env["WAYBILL_SHARED"] ?? "../shared");
  return existsSync(folder) ? folder : undefined;
}
