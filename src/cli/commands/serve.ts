import type { Log } from "../../foundation/index.ts";
import { wrongUse } from "../arguments.ts";
import { defineCommand } from "../command.ts";
import { toJsonText } from "../format.ts";
import { openProject } from "../project.ts";
import { formatFields } from "../table.ts";

const PORT = 8080;

/** `waybill serve`: one port for every protocol, until it is told to stop. */
export const command = defineCommand({
  name: "serve",
  summary: "Serve the project to its clients on one port",
  description:
    "HTTP/1.1 and gRPC share the port. Without tokens it answers this machine only; once there are tokens\n" +
    "(`token add`), every request needs one, and other addresses may be bound. Each request is a line of\n" +
    "JSON on standard error.",
  options: {
    host: { type: "string", value: "HOST", summary: "Address to listen on", default: "127.0.0.1" },
    port: { type: "integer", value: "PORT", summary: "0 takes any free one", default: PORT },
    metadata: {
      type: "string",
      value: "URI",
      summary: "Serve this ML Metadata store instead of the project's",
    },
    allowHost: {
      type: "string",
      value: "NAME",
      multiple: true,
      summary: "A name by which clients may call the server",
    },
    allowOrigin: {
      type: "string",
      value: "URL",
      multiple: true,
      summary: "An origin whose pages may write",
    },
    publicUrl: {
      type: "string",
      value: "URL",
      summary: "Where clients reach the server when a proxy stands before it",
    },
  },
  examples: [
    { line: "serve", does: `on http://127.0.0.1:${PORT}, for this machine` },
    {
      line: "serve --host 0.0.0.0 --allow-host data.example.org",
      does: "for others, who need tokens",
    },
  ],
  run: async ({ options, session }) => {
    const { host, port } = options;
    if (port < 0 || port > 65_535) throw wrongUse("serve", `${port} is no port.`);
    const { terminal, quiet, signal, resources } = session;
    // A server is not on its way to an end.
    session.progress[Symbol.dispose]();
    const log: Log = {
      log: (level, message) => {
        if (!quiet && level !== "debug") terminal.say(message);
      },
    };
    const project = await openProject(session, { create: true });
    const [{ serve, tokenAuthentication }, { composeProtocols }, { openMetadataStore }] =
      await Promise.all([
        import("../../server/index.ts"),
        import("../protocols.ts"),
        import("../../metadata/index.ts"),
      ]);
    const metadata =
      options.metadata === undefined
        ? undefined
        : resources.use(await openMetadataStore(options.metadata));
    const protocols = await composeProtocols(project, { metadata, log, resources });
    const server = resources.use(
      await serve({
        host,
        port,
        rpc: protocols.rpc,
        routes: protocols.routes,
        authentication: tokenAuthentication(project.home, "default"),
        log,
        signal,
        allowedHosts: options.allowHost,
        allowedOrigins: options.allowOrigin,
        ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
      }),
    );
    const { url } = server;
    const addresses = protocols.addresses.map(({ name, title, path }) => ({
      name,
      title,
      address: path === undefined ? url.replace("http://", "") : url + path,
    }));
    // Said now and not as the answer, which comes when all is over.
    if (session.json) {
      const byName = Object.fromEntries(addresses.map(({ name, address }) => [name, address]));
      await terminal.write(`${toJsonText({ url, addresses: byName })}\n`);
    } else {
      const lines = formatFields(addresses.map(({ title, address }) => [title, address]));
      await terminal.write(`Serving at ${url}; Ctrl-C stops it.\n${lines}\n`);
    }
    await server.stopped;
    return {};
  },
});
