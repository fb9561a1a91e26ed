// Runs every golden case of TFDV through the built command line, with the comparer that reads both sides.
import { join } from "node:path";
import { root } from "../../scripts/shared.ts";
import { mustRun, requireShared } from "./peer.ts";

const shared = requireShared();
const waybill = `${process.execPath} ${join(root, "bin", "waybill.js")}`;
mustRun("python3", [
  join(shared, "interop", "run_goldens.py"),
  join(shared, "goldens", "tfdv"),
  "--waybill",
  waybill,
]);
