/** How much of a file's start {@link mediaTypeOf} looks at. */
export const SNIFF_BYTES = 4096;

/** Bytes that a format starts with, or has at an offset. */
const SIGNATURES: readonly {
  readonly bytes: string;
  readonly at?: number;
  readonly type: string;
}[] = [
  { bytes: "PAR1", type: "application/vnd.apache.parquet" },
  { bytes: "ARROW1", type: "application/vnd.apache.arrow.file" },
  { bytes: "Obj\x01", type: "application/avro" },
  { bytes: "ORC", type: "application/vnd.apache.orc" },
  { bytes: "SQLite format 3\0", type: "application/vnd.sqlite3" },
  { bytes: "\x89HDF\r\n\x1a\n", type: "application/x-hdf5" },
  { bytes: "\x93NUMPY", type: "application/x-npy" },
  { bytes: "%PDF-", type: "application/pdf" },
  { bytes: "\x89PNG\r\n\x1a\n", type: "image/png" },
  { bytes: "\xff\xd8\xff", type: "image/jpeg" },
  { bytes: "GIF8", type: "image/gif" },
  { bytes: "WEBP", at: 8, type: "image/webp" },
  { bytes: "II*\0", type: "image/tiff" },
  { bytes: "MM\0*", type: "image/tiff" },
  { bytes: "WAVE", at: 8, type: "audio/wav" },
  { bytes: "ID3", type: "audio/mpeg" },
  { bytes: "OggS", type: "audio/ogg" },
  { bytes: "fLaC", type: "audio/flac" },
  { bytes: "ftyp", at: 4, type: "video/mp4" },
  { bytes: "\x1f\x8b", type: "application/gzip" },
  { bytes: "\x28\xb5\x2f\xfd", type: "application/zstd" },
  { bytes: "BZh", type: "application/x-bzip2" },
  { bytes: "\xfd7zXZ\0", type: "application/x-xz" },
  { bytes: "PK\x03\x04", type: "application/zip" },
  { bytes: "ustar", at: 257, type: "application/x-tar" },
];

/** By the name's ending, for formats that do not start with bytes of their own. */
const ENDINGS: Readonly<Record<string, string>> = {
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  json: "application/json",
  jsonl: "application/x-ndjson",
  ndjson: "application/x-ndjson",
  md: "text/markdown",
  html: "text/html",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  sql: "application/sql",
  tfrecord: "application/x-tfrecord",
  tfrecords: "application/x-tfrecord",
  pbtxt: "text/x-protobuf",
  pb: "application/x-protobuf",
  svg: "image/svg+xml",
};
/** Endings that say more than the container they come in. */
const ZIP_ENDINGS: Readonly<Record<string, string>> = {
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  npz: "application/x-npz",
};

/**
 * The media type of a file by its first bytes, then by its name, then by whether it is text.
 * @param head the file's start, {@link SNIFF_BYTES} of it or all
 */
export function mediaTypeOf(name: string, head: Uint8Array): string {
  const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  const ending = /\.([a-z0-9]+)$/iu.exec(name)?.[1]?.toLowerCase() ?? "";
  const signature = SIGNATURES.find(({ bytes, at = 0 }) => start.startsWith(bytes, at));
  if (signature !== undefined) {
    return (
      (signature.type === "application/zip" ? ZIP_ENDINGS[ending] : undefined) ?? signature.type
    );
  }
  return ENDINGS[ending] ?? (isText(head) ? "text/plain" : "application/octet-stream");
}

function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    // A cut in the middle of a character at the end is no reason to call it binary.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
