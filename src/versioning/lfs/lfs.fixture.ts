import { execFile } from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { lfsRoutes } from "../../protocols/lfs/index.ts";
import { type Authentication, type Route, type Server, serve } from "../../server/index.ts";
import { type ObjectStore, openMemoryStore } from "../../storage/index.ts";
import { type LfsRepository, openLfsRepository } from "./index.ts";

// The tests' git knows nothing of this machine's user.
process.env["GIT_CONFIG_GLOBAL"] = "/dev/null";
process.env["GIT_CONFIG_SYSTEM"] = "/dev/null";
process.env["GIT_TERMINAL_PROMPT"] = "0";
process.env["GIT_AUTHOR_NAME"] = process.env["GIT_COMMITTER_NAME"] = "t";
process.env["GIT_AUTHOR_EMAIL"] = process.env["GIT_COMMITTER_EMAIL"] = "t@example.com";

const run = promisify(execFile);

/** A repository in a temporary folder, with what tests do to it. */
export interface TestRepository extends Disposable {
  readonly path: string;
  readonly lfs: LfsRepository;
  git(...args: string[]): Promise<string>;
  write(name: string, content: string | Uint8Array): void;
}

/** Makes a repository whose `*.bin` files are tracked, with git settings `name=value`. */
export async function makeRepository(...settings: string[]): Promise<TestRepository> {
  const folder = mkdtempDisposableSync(join(tmpdir(), "lfs-"));
  const git = async (...args: string[]) => {
    const { stdout } = await run("git", args, { cwd: folder.path });
    return stdout;
  };
  const write = (name: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), content);
  };
  await git("init", "-q", "-b", "main");
  for (const setting of settings) {
    const equals = setting.indexOf("=");
    await git("config", setting.slice(0, equals), setting.slice(equals + 1));
  }
  write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  return {
    path: folder.path,
    get lfs() {
      return openLfsRepository(folder.path);
    },
    git,
    write,
    [Symbol.dispose]: () => folder.remove(),
  };
}

/** An LFS server that takes the name in the credentials for who calls. */
export function startServer(
  options: { readonly store?: ObjectStore; readonly around?: (route: Route) => Route } = {},
): Promise<Server> {
  const routes = lfsRoutes({ store: options.store ?? openMemoryStore() });
  const authentication: Authentication = {
    isRequired: () => false,
    authenticate(authorization = "") {
      const encoded = authorization.replace("Basic ", "");
      const [name = ""] = Buffer.from(encoded, "base64").toString().split(":");
      return { principal: name || "anyone", roles: ["editor"], project: "p" };
    },
  };
  return serve({ routes: routes.map(options.around ?? ((route) => route)), authentication });
}
