import { type Log, silentLog, WaybillError } from "../../foundation/index.ts";
import { blockingOutput } from "./descriptors.ts";
import {
  fetchFilter,
  isSkipped,
  readObjectSync,
  refuseExtensions,
  type SmudgeOptions,
} from "./filter.ts";
import { hasObject, startClean } from "./objects.ts";
import { openPackets, type PacketStream } from "./pkt-line.ts";
import { POINTER_BYTES_LIMIT, type Pointer, parsePointer, printPointer } from "./pointer.ts";
import type { LfsRepository } from "./repository.ts";
import { downloadObjects } from "./transfer.ts";

const CAPABILITIES = ["clean", "smudge", "delay"];
/** Git hands over a file's content before it looks at an answer, so passing content is kept until its end. */
const PASSED_BYTES_MAX = 512 << 20;

/** How the filter process is wired to git. */
export interface FilterProcessOptions
  extends Pick<SmudgeOptions, "skip" | "remote" | "progress" | "signal"> {
  /** Git's packets come from here; default standard input. */
  readonly input?: number;
  /** And answers go here; default standard output. */
  readonly output?: number;
  /** Told what went wrong with single files. */
  readonly log?: Log;
}

/**
 * Git's long-running filter: many files through one process. Smudging files whose objects are not here is
 * put off where git allows it, and all of them are downloaded together when git asks for them.
 * Returns at the end of git's stream. Source: git, Documentation/gitattributes.txt,
 * "Long Running Filter Process".
 * @throws WaybillError `invalid_argument` when the other end is not git, `data_loss` for broken packets
 */
export async function filterProcess(
  repository: LfsRepository,
  options: FilterProcessOptions = {},
): Promise<void> {
  using output = blockingOutput(options.output ?? 1);
  const packets = openPackets(options.input ?? 0, output.descriptor);
  greet(packets);
  const session: Session = {
    repository,
    options,
    packets,
    wants: fetchFilter(repository),
    delayed: new Map(),
    failures: new Map(),
  };
  for (;;) {
    const request = packets.readList();
    if (request === undefined) return;
    const fields = new Map(
      request.map((line) => {
        const equals = line.indexOf("=");
        return [line.slice(0, equals), line.slice(equals + 1)] as const;
      }),
    );
    const path = fields.get("pathname") ?? "";
    switch (fields.get("command")) {
      case "clean":
        cleanFile(session, path);
        break;
      case "smudge":
        await smudgeFile(session, path, fields.get("can-delay") === "1");
        break;
      case "list_available_blobs":
        await makeAvailable(session);
        break;
      default:
        throw new WaybillError("invalid_argument", `Git asks for ${JSON.stringify(request[0])}.`);
    }
  }
}

interface Session {
  readonly repository: LfsRepository;
  readonly options: FilterProcessOptions;
  readonly packets: PacketStream;
  readonly wants: (path: string) => boolean;
  /** Put off, by path; an entry leaves when git comes for it. */
  readonly delayed: Map<string, Pointer>;
  /** Why an object could not be had, by its id. */
  readonly failures: Map<string, WaybillError>;
}

function greet(packets: PacketStream): void {
  const hello = packets.readList() ?? [];
  if (hello[0] !== "git-filter-client" || !hello.includes("version=2")) {
    throw new WaybillError(
      "invalid_argument",
      "This command is called by git, as a filter process.",
    );
  }
  packets.writeList(["git-filter-server", "version=2"]);
  const offered = packets.readList() ?? [];
  packets.writeList(
    CAPABILITIES.map((name) => `capability=${name}`).filter((line) => offered.includes(line)),
  );
}

function cleanFile(session: Session, path: string): void {
  const { packets, repository, options } = session;
  const cleaner = startClean(repository);
  let failure: unknown;
  for (;;) {
    const packet = packets.read();
    if (packet === "flush") break;
    if (packet === "end") {
      cleaner.abandon();
      throw new WaybillError("data_loss", "Git's stream ended within a file.");
    }
    // After a failure the rest is still read: git has to get its answer.
    if (failure !== undefined) continue;
    try {
      cleaner.push(packet);
    } catch (error) {
      failure = error;
    }
  }
  try {
    if (failure !== undefined) throw failure;
    refuseExtensions(repository);
    const { bytes } = cleaner.finish();
    succeed(session, path, [bytes]);
  } catch (error) {
    cleaner.abandon();
    refuse(packets, path, error, options.log);
  }
}

async function smudgeFile(session: Session, path: string, canDelay: boolean): Promise<void> {
  const { packets, repository, options, delayed } = session;
  const content = readContent(packets);
  const pointer =
    delayed.get(path) ?? (content === undefined ? undefined : parsePointer(content.head));
  const wasDelayed = delayed.delete(path);
  if (pointer === undefined) {
    succeed(session, path, content?.chunks ?? []);
    return;
  }
  try {
    if (isSkipped(repository, options) || !session.wants(path)) {
      succeed(session, path, [Buffer.from(printPointer(pointer))]);
      return;
    }
    const isHere = pointer.size === 0 || hasObject(repository, pointer.oid, pointer.size);
    if (!isHere && canDelay && !wasDelayed) {
      delayed.set(path, pointer);
      packets.writeList(["status=delayed"]);
      return;
    }
    if (!isHere && !wasDelayed) await fetchAll(session, [pointer]);
    const failure = session.failures.get(pointer.oid);
    if (failure !== undefined) throw failure;
    if (pointer.extensions.length > 0) {
      const message = `It was stored through the extension "${pointer.extensions[0]?.name}".`;
      throw new WaybillError("unimplemented", message);
    }
    succeed(session, path, readObjectSync(repository, pointer));
  } catch (error) {
    refuse(packets, path, error, options.log);
  }
}

/** Downloads all that was put off, and tells git that it may come for it: for failures too, to hear of them. */
async function makeAvailable(session: Session): Promise<void> {
  const { packets, delayed } = session;
  await fetchAll(session, [...delayed.values()]);
  packets.writeList([...delayed.keys()].map((path) => `pathname=${path}`));
  packets.writeList(["status=success"]);
}

async function fetchAll(session: Session, pointers: readonly Pointer[]): Promise<void> {
  const { repository, options, failures } = session;
  const { remote, progress, signal } = options;
  try {
    const { failed } = await downloadObjects(repository, pointers, {
      remote,
      ...(progress === undefined ? {} : { progress }),
      ...(signal === undefined ? {} : { signal }),
    });
    for (const { object, error } of failed) failures.set(object.oid, error);
  } catch (error) {
    const failure = WaybillError.from(error);
    for (const { oid, size } of pointers) {
      if (!hasObject(repository, oid, size)) failures.set(oid, failure);
    }
  }
}

interface Content {
  /** All of it when it is short enough to be a pointer, else its beginning. */
  readonly head: Uint8Array;
  readonly chunks: readonly Uint8Array[];
}

function readContent(packets: PacketStream): Content | undefined {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const packet = packets.read();
    if (packet === "flush") break;
    if (packet === "end") throw new WaybillError("data_loss", "Git's stream ended within a file.");
    size += packet.length;
    if (size > PASSED_BYTES_MAX) {
      throw new WaybillError(
        "resource_exhausted",
        "A file that is no pointer is too large to pass.",
      );
    }
    chunks.push(Buffer.from(packet));
  }
  if (size === 0) return undefined;
  const isShort = size < POINTER_BYTES_LIMIT;
  return { head: isShort ? Buffer.concat(chunks) : Buffer.alloc(POINTER_BYTES_LIMIT), chunks };
}

/** Content goes after a first status; a second list tells when the first no longer holds. */
function succeed({ packets, options }: Session, path: string, chunks: Iterable<Uint8Array>): void {
  packets.writeList(["status=success"]);
  let failure: unknown;
  try {
    for (const chunk of chunks) packets.writeContent(chunk);
  } catch (error) {
    failure = error;
  }
  packets.flush();
  if (failure === undefined) packets.writeList([]);
  else refuse(packets, path, failure, options.log);
}

function refuse(packets: PacketStream, path: string, caught: unknown, log: Log = silentLog): void {
  const { message } = WaybillError.from(caught);
  log.log("warn", `${path}: ${message}`);
  packets.writeList(["status=error"]);
}
