import {
  type Clock,
  type Log,
  silentLog,
  systemClock,
  WaybillError,
} from "../../foundation/index.ts";
import type { Recorder } from "../../metadata/index.ts";
import type { ObjectStore } from "../../storage/index.ts";
import { objectKey } from "./repository.ts";
import type { Upload } from "./routes.ts";

/** A push is over when so long nothing more came of it. */
const IDLE_MS = 2_000;
const WINDOW_MS_MAX = 60_000;
const OBJECTS_MAX = 10_000;

/** Records uploads: give its `onUpload` to the routes, and dispose of it after the server has stopped. */
export interface UploadRecording extends AsyncDisposable {
  onUpload(upload: Upload): Promise<void>;
}

interface Window {
  readonly uploads: Upload[];
  readonly sinceMs: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Records what is pushed: one Execution `LfsPush` for the objects that one caller sent to one repository without
 * a pause, with a `DataVersion` each. The protocol has no end of a push, hence the window: it closes
 * after two seconds without an upload, after a minute, or at 10,000 objects. The bytes are durable before an
 * upload is answered; a kill within the window loses the record of them, not the bytes.
 */
export function recordUploads(
  recorder: Recorder,
  store: ObjectStore,
  options: { readonly log?: Log; readonly clock?: Clock; readonly idleMs?: number } = {},
): UploadRecording {
  const { log = silentLog, clock = systemClock, idleMs = IDLE_MS } = options;
  const windows = new Map<string, Window>();
  const closing = new Set<Promise<void>>();

  function close(key: string): void {
    const window = windows.get(key);
    const [first] = window?.uploads ?? [];
    if (window === undefined || first === undefined) return;
    windows.delete(key);
    clearTimeout(window.timer);
    const { repository, principal } = first;
    const sizeBytes = window.uploads.reduce((sum, upload) => sum + upload.sizeBytes, 0);
    const parameters = { repository, principal };
    const recorded = recorder
      .step("LfsPush", { parameters }, async (step) => {
        step.note("object_count", BigInt(window.uploads.length));
        step.note("size_bytes", BigInt(sizeBytes));
        for (const upload of window.uploads) {
          step.output("versions", "DataVersion", {
            uri: `${store.url}/${objectKey(upload.repository, upload.oid)}`,
            customProperties: {
              repository,
              sha256: upload.oid,
              size_bytes: BigInt(upload.sizeBytes),
            },
          });
        }
      })
      .then(
        () => {},
        (error: unknown) => {
          const { message } = WaybillError.from(error);
          log.log("warn", `a push to ${repository} by ${principal} was not recorded: ${message}`);
        },
      )
      .finally(() => closing.delete(recorded));
    closing.add(recorded);
  }

  return {
    async onUpload(upload) {
      const key = JSON.stringify([upload.repository, upload.principal]);
      let window = windows.get(key);
      if (window === undefined) {
        window = { uploads: [], sinceMs: clock.nowMs(), timer: undefined };
        windows.set(key, window);
      }
      window.uploads.push(upload);
      clearTimeout(window.timer);
      const isFull =
        window.uploads.length >= OBJECTS_MAX || clock.nowMs() - window.sinceMs >= WINDOW_MS_MAX;
      if (isFull) close(key);
      else window.timer = setTimeout(() => close(key), idleMs).unref();
    },
    async [Symbol.asyncDispose]() {
      for (const key of [...windows.keys()]) close(key);
      await Promise.all(closing);
    },
  };
}
