#!/usr/bin/env node
// The published entry. It must parse on old Node versions, so it only checks the version and hands over.
import { readFileSync } from "node:fs";

const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(
    `waybill needs Node 24 or newer; this is ${process.version} (${process.execPath}).\n` +
      "Fix: install Node 24+, or run it once with: npx -p node@26 -p waybill waybill ...\n" +
      "From a checkout: npm run setup, then node_modules/.bin/node bin/waybill.js ...",
  );
  process.exitCode = 1;
} else if (process.argv.length === 3 && ["--version", "-V"].includes(process.argv[2])) {
  // Answered here: scripts ask often, and nothing has to be loaded for it.
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  console.log(JSON.parse(manifest).version);
} else {
  import("../dist/src/cli/main.js").then(
    ({ main }) => main(process.argv.slice(2)),
    (error) => {
      if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
      console.error(
        `waybill is not built: ${error.message}\nFix: run npm run setup in the checkout.`,
      );
      process.exitCode = 1;
    },
  );
}
