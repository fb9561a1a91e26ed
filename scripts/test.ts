// Runs every test of src/, test/ and scripts/ with Node's own runner, and prints its closing lines.
// Databases that the chosen tests name by their environment variable are started first and stopped after.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { type Service, startMariaDb, startPostgres } from "./services.ts";
import { root, sharedFolder } from "./shared.ts";

process.chdir(root);

const SERVICES: readonly { variable: string; start: () => Promise<Service> }[] = [
  { variable: "WAYBILL_TEST_MYSQL_URL", start: startMariaDb },
  { variable: "WAYBILL_TEST_POSTGRES_URL", start: startPostgres },
];

const only = process.argv.slice(2);
const files = only.length > 0 ? only : globSync("{src,test,scripts}/**/*.test.ts").sort();
if (files.length === 0) {
  console.error("test: no test files were found");
  process.exit(1);
}
if (sharedFolder() === undefined) {
  console.log("test: no shared folder (WAYBILL_SHARED); tests that need it are skipped");
}
const sources = files.map((file) => readFileSync(file, "utf8")).join("\n");
const environment: NodeJS.ProcessEnv = { ...process.env };
const started: Service[] = [];
try {
  for (const { variable, start } of SERVICES) {
    if (!sources.includes(variable) || environment[variable] !== undefined) continue;
    const service = await start();
    started.push(service);
    if ("url" in service) environment[variable] = service.url;
    else console.log(`test: ${service.name} is skipped: ${service.missing}`);
  }
  const lacking = started.filter((service) => "missing" in service);
  const { status } = spawnSync(process.execPath, ["--test", ...files], {
    stdio: "inherit",
    env: environment,
  });
  process.exitCode = status ?? 1;
  if (process.env["CI"] === "true" && lacking.length > 0) {
    console.error("test: under CI no service may be missing");
    process.exitCode = 1;
  }
} finally {
  for (const service of started) if ("stop" in service) await service.stop();
}
