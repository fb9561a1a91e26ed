// The databases that tests need, from the system's packages: each on a temporary folder and a free
// loopback port. Missing packages are installed where that is allowed (root, or sudo without a password).
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A server that tests can use until `stop` is called, or why there is none. */
export type Service =
  | { readonly name: string; readonly url: string; readonly stop: () => Promise<void> }
  | { readonly name: string; readonly missing: string };

const READY_ATTEMPTS = 150;
const READY_PAUSE_MS = 200;

/** MariaDB with the user `root`, no password, over TCP: `mysql://root@127.0.0.1:PORT`. */
export async function startMariaDb(): Promise<Service> {
  const name = "MariaDB";
  const server = await installed(["mariadbd", "/usr/sbin/mariadbd"], "mariadb-server");
  if (server === undefined) return { name, missing: "mariadb-server is not installed" };
  const { folder, user } = dataFolder("mysql");
  const data = join(folder, "data");
  const install = spawnSync(
    "mariadb-install-db",
    [
      "--no-defaults",
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      ...(user === undefined ? [] : [`--user=${user.name}`]),
    ],
    { encoding: "utf8" },
  );
  if (install.status !== 0)
    return { name, missing: `mariadb-install-db: ${install.stderr.trim()}` };
  const port = await freePort();
  const child = spawn(
    server,
    [
      "--no-defaults",
      `--datadir=${data}`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--socket=${join(folder, "mysql.sock")}`,
      // Nothing here outlives the tests: durable commits would only be slow.
      "--innodb-flush-log-at-trx-commit=0",
      "--skip-innodb-doublewrite",
      ...(user === undefined ? [] : [`--user=${user.name}`]),
    ],
    { stdio: "ignore" },
  );
  const client = [
    "mariadb",
    "--no-defaults",
    "-h127.0.0.1",
    `-P${port}`,
    "-uroot",
    "-e",
    "SELECT 1",
  ];
  return running(name, `mysql://root@127.0.0.1:${port}`, child, folder, client);
}

/** PostgreSQL with the user `postgres`, trusted over TCP: `postgres://postgres@127.0.0.1:PORT/postgres`. */
export async function startPostgres(): Promise<Service> {
  const name = "PostgreSQL";
  const candidates = () => globSync("/usr/lib/postgresql/*/bin/postgres").sort();
  const server = await installed(candidates, "postgresql");
  if (server === undefined) return { name, missing: "postgresql is not installed" };
  const { folder, user } = dataFolder("postgres");
  const bin = server.replace(/postgres$/, "");
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const data = join(folder, "data");
  const init = spawnSync(
    `${bin}initdb`,
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
    { encoding: "utf8", cwd: folder, ...as },
  );
  if (init.status !== 0) return { name, missing: `initdb: ${init.stderr.trim()}` };
  const port = await freePort();
  const child = spawn(
    server,
    [
      ...["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", folder],
      ...["-c", "fsync=off", "-c", "full_page_writes=off"],
    ],
    { stdio: "ignore", cwd: folder, ...as },
  );
  const client = [`${bin}pg_isready`, "-h", "127.0.0.1", "-p", String(port)];
  return running(
    name,
    `postgres://postgres@127.0.0.1:${port}/postgres`,
    child,
    folder,
    client,
    "SIGINT",
  );
}

async function running(
  name: string,
  url: string,
  child: ChildProcess,
  folder: string,
  [probe = "", ...args]: readonly string[],
  stopSignal: NodeJS.Signals = "SIGTERM",
): Promise<Service> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    if (child.exitCode === null) child.kill(stopSignal);
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < READY_ATTEMPTS; attempt++) {
    if (child.exitCode !== null) break;
    if (spawnSync(probe, args, { stdio: "ignore" }).status === 0) return { name, url, stop };
    await sleep(READY_PAUSE_MS);
  }
  await stop();
  return { name, missing: `${name} did not start` };
}

/** The first of the programs that is there, after installing the package if none was. */
async function installed(
  programs: readonly string[] | (() => readonly string[]),
  packageName: string,
): Promise<string | undefined> {
  const find = () =>
    typeof programs === "function"
      ? programs().at(-1)
      : programs.find((program) =>
          program.startsWith("/")
            ? existsSync(program)
            : spawnSync("sh", ["-c", `command -v ${program}`]).status === 0,
        );
  const found = find();
  if (found !== undefined) return found;
  return installPackage(packageName) ? find() : undefined;
}

/** Installs a Debian package when this user may; says so. Its own service is not started. */
export function installPackage(name: string): boolean {
  if (spawnSync("sh", ["-c", "command -v apt-get"]).status !== 0) return false;
  const root = process.getuid?.() === 0;
  if (!root && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status !== 0) return false;
  const script =
    "export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; " +
    `apt-get -qq update && apt-get -qq install -y --no-install-recommends ${name}`;
  console.error(`installing the system package ${name} ...`);
  const [file, args] = root ? ["sh", ["-c", script]] : ["sudo", ["-n", "sh", "-c", script]];
  return (
    spawnSync(file as string, args as string[], { stdio: ["ignore", "ignore", 2] }).status === 0
  );
}

/** A fresh folder; when this user is root it belongs to the service's own user, who runs the server. */
function dataFolder(account: string): {
  folder: string;
  user: { name: string; uid: number; gid: number } | undefined;
} {
  const folder = mkdtempSync(join(tmpdir(), `waybill-${account}-`));
  chmodSync(folder, 0o755);
  if (process.getuid?.() !== 0) return { folder, user: undefined };
  const id = (flag: string) =>
    Number(spawnSync("id", [flag, account], { encoding: "utf8" }).stdout.trim());
  const user = { name: account, uid: id("-u"), gid: id("-g") };
  chownSync(folder, user.uid, user.gid);
  mkdirSync(join(folder, "data"));
  chownSync(join(folder, "data"), user.uid, user.gid);
  chmodSync(join(folder, "data"), 0o700);
  return { folder, user };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
