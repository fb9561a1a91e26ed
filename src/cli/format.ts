const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A size for people: `812 B`, `1.2 GiB`. */
export function formatBytes(sizeBytes: number | bigint): string {
  let value = Number(sizeBytes);
  let unit = 0;
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

/** A whole number with thousands separators: `3,401`. */
export function formatCount(count: number | bigint): string {
  const text = (typeof count === "bigint" ? count : Math.round(count)).toString();
  return text.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 row`, `3,401 rows`. The plural adds an s unless it is given. */
export function formatQuantity(
  count: number | bigint,
  noun: string,
  plural: string = `${noun}s`,
): string {
  return `${formatCount(count)} ${Number(count) === 1 ? noun : plural}`;
}

/** At most `digits` significant digits, without trailing zeros: `0.0123`, `1,234`, `1.5e-9`. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return formatCount(value);
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return Number(value.toPrecision(digits)).toExponential();
  if (size >= 10 ** digits) return formatCount(value);
  return String(Number(value.toPrecision(digits)));
}

/** A share in percent: `0%`, `12.5%`, `<0.1%`. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.001) return "<0.1%";
  return `${Number((share * 100).toFixed(1))}%`;
}

/** A time span: `340 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `10 d 0 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  const seconds = durationMs / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  if (hours < 48) return `${hours} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** An instant, UTC, to the second: `2026-11-24 17:05:09Z`. */
export function formatTime(time: Date | number | bigint): string {
  const date = time instanceof Date ? time : new Date(Number(time));
  if (Number.isNaN(date.getTime())) return "invalid time";
  return `${date.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/**
 * A value as text that cannot steer a terminal: control characters become escapes. Data comes from
 * files that nobody vouches for.
 */
export function printable(text: string): string {
  return text.replaceAll(CONTROL_CHARACTERS, escapeOf);
}

/** As {@link printable}, but line breaks stay. For messages of several lines. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

// C0 and C1 controls, and the marks that reorder text (Trojan Source).
const CONTROL_CHARACTERS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

function escapeOf(character: string): string {
  const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const code = character.codePointAt(0) ?? 0;
  return named[character] ?? `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * JSON with what plain JSON lacks: bigint as an exact integer, times in ISO 8601, bytes in base64,
 * maps as objects, numbers that are not finite as text.
 */
export function toJsonText(value: unknown, indent?: number): string {
  return (
    JSON.stringify(
      value,
      function (this: unknown, key, member: unknown) {
        if (typeof member === "bigint") return rawJson(member.toString());
        if (typeof member === "number" && !Number.isFinite(member)) return String(member);
        if (member instanceof Map) return Object.fromEntries(member);
        if (member instanceof Set) return [...member];
        // Buffers arrive here already turned by their toJSON; the holder still has the bytes.
        const original =
          this !== null && typeof this === "object" ? Reflect.get(this, key) : undefined;
        if (original instanceof Uint8Array) return Buffer.from(original).toString("base64");
        return member;
      },
      indent,
    ) ?? "null"
  );
}

interface RawJson {
  readonly rawJSON: string;
}

function rawJson(text: string): RawJson {
  // JSON.rawJSON is in V8 since Node 21 and not yet in TypeScript's library.
  const json = JSON as typeof JSON & { rawJSON(text: string): RawJson };
  return json.rawJSON(text);
}
