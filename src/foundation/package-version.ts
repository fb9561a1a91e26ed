import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The version in the package's own manifest, found from the source as well as from the build. */
export function packageVersion(): string {
  let folder = import.meta.dirname;
  while (folder !== dirname(folder)) {
    try {
      const manifest: { name?: unknown; version?: unknown } = JSON.parse(
        readFileSync(join(folder, "package.json"), "utf8"),
      );
      if (manifest.name === "waybill") return String(manifest.version);
    } catch {
      // Not here; one folder up.
    }
    folder = dirname(folder);
  }
  return "unknown";
}
