import { create } from "@bufbuild/protobuf";
import { MetadataStoreService } from "../../../gen/ml_metadata/proto/metadata_store_service_pb.ts";
import type { Database, ReadTransaction, WriteTransaction } from "../../database/index.ts";
import type { Clock } from "../../foundation/index.ts";
import type { CallName, MetadataCalls, MetadataStore, ReadingCalls } from "../store.ts";
import { ensureLayout } from "./layout.ts";
import { readCalls } from "./read-calls.ts";
import { writeCalls } from "./write-calls.ts";

/**
 * The store over a SQL database in ML Metadata's layout, which is created in an empty one. The store
 * owns the database and disposes of it.
 */
export async function openRdbmsStore(database: Database, clock: Clock): Promise<MetadataStore> {
  try {
    await ensureLayout(database);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  const calls = bindCalls(
    (work) => database.read(work),
    (work) => database.write(work),
    clock,
  );
  return {
    ...calls,
    location: database.location,
    transaction: (work) =>
      database.write((tx) =>
        work(
          bindCalls(
            (run) => run(tx),
            (run) => run(tx),
            clock,
          ),
          tx,
        ),
      ),
    snapshot: (work) =>
      database.read((tx) =>
        work(
          bindReadingCalls((run) => run(tx)),
          tx,
        ),
      ),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

type Reader = <T>(work: (tx: ReadTransaction) => Promise<T>) => Promise<T>;
type Writer = <T>(work: (tx: WriteTransaction) => Promise<T>) => Promise<T>;
type LooseCall = (tx: never, request: never, nowMs: bigint) => Promise<unknown>;

function bindReadingCalls(read: Reader): ReadingCalls {
  return Object.fromEntries(
    Object.entries(readCalls).map(([name, call]) => [
      name,
      (request: never) => {
        const message = parse(name, request);
        return read((tx) => (call as LooseCall)(tx as never, message, 0n));
      },
    ]),
    // The table of calls has each name with the type that the interface gives it.
  ) as unknown as ReadingCalls;
}

/** The calls by name, each run in a transaction of the reader or the writer. */
function bindCalls(read: Reader, write: Writer, clock: Clock): MetadataCalls {
  const writing = Object.fromEntries(
    Object.entries(writeCalls).map(([name, call]) => [
      name,
      (request: never) => {
        const message = parse(name, request);
        return write((tx) => (call as LooseCall)(tx as never, message, BigInt(clock.nowMs())));
      },
    ]),
  );
  // Both tables together name every call of the service, as their types demand.
  return { ...bindReadingCalls(read), ...writing } as unknown as MetadataCalls;
}

function parse(name: string, request: never): never {
  // Names come from the tables of calls, whose keys are the service's method names.
  return create(MetadataStoreService.method[name as CallName].input, request) as never;
}
