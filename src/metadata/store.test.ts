import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openMetadataStore } from "./index.ts";
import { storeConformance } from "./store.conformance.ts";

storeConformance("memory", () => openMetadataStore("memory:"));

const folder = mkdtempDisposableSync(join(tmpdir(), "waybill-store-"));
after(() => folder.remove());
let fileCount = 0;
storeConformance("SQLite file", () => {
  fileCount += 1;
  return openMetadataStore(`sqlite:${join(folder.path, `${fileCount}.db`)}`, {
    synchronous: "NORMAL",
  });
});
