import type { Clock, Progress } from "../foundation/index.ts";
import { formatBytes, formatCount, formatDuration, formatNumber, printable } from "./format.ts";
import { truncate } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const FIRST_SHOWN_MS = 300;
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
/** A rate over less than this says nothing. */
const RATE_AFTER_MS = 500;

/** How far a piece of work is. */
interface State {
  readonly label: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string | undefined;
}

/**
 * Shows progress on stderr: on a terminal one line that redraws itself, shown before half a second has
 * passed and wiped at the end; elsewhere a plain line every ten seconds. It speaks up even when nothing
 * was reported, so that no command is silent.
 */
export class TerminalProgress implements Progress, Disposable {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #label: string;
  readonly #startedMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #isShown: boolean;
  #state: State;
  #labelStartedMs: number;
  #shownMs: number;
  #paused = false;

  /**
   * @param label what is shown until the first report
   * @param isShown false for a progress that is never shown (`--quiet`)
   */
  constructor(terminal: Terminal, clock: Clock, label: string, isShown: boolean) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#label = label;
    this.#startedMs = clock.nowMs();
    this.#labelStartedMs = this.#startedMs;
    this.#shownMs = this.#startedMs;
    this.#state = { label, done: 0, total: undefined, unit: undefined };
    this.#isShown = isShown;
    this.#timer = isShown ? setInterval(() => this.#show(), REDRAW_MS) : undefined;
    this.#timer?.unref();
  }

  report(label: string, done: number, total?: number, unit?: string): void {
    if (label !== this.#state.label) this.#labelStartedMs = this.#clock.nowMs();
    this.#state = { label, done, total, unit };
    // Work that never yields to the timer still moves the line.
    this.#show();
  }

  /** Somebody just said how far things are: the next plain line waits its full time again. */
  defer(): void {
    this.#shownMs = this.#clock.nowMs();
  }

  /** Keeps quiet while `work` runs, for a question or an answer that owns the screen. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    this.#paused = true;
    this.#terminal.clearStatus();
    try {
      return await work();
    } finally {
      this.#paused = false;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#terminal.clearStatus();
  }

  #show(): void {
    const nowMs = this.#clock.nowMs();
    if (this.#paused || !this.#isShown) return;
    if (this.#terminal.hasStatusLine) {
      if (nowMs - this.#startedMs < FIRST_SHOWN_MS || nowMs - this.#shownMs < REDRAW_MS) return;
      this.#shownMs = nowMs;
      this.#terminal.showStatus(this.#line(nowMs), truncate);
    } else if (nowMs - this.#shownMs >= PLAIN_LINE_MS) {
      this.#shownMs = nowMs;
      this.#terminal.say(this.#line(nowMs));
    }
  }

  #line(nowMs: number): string {
    const { done, total } = this.#state;
    // What is done says nothing of what is being done since.
    if (total !== undefined && done >= total) {
      const idle = { label: this.#label, done: 0, total: undefined, unit: undefined };
      return describeProgress(idle, nowMs - this.#startedMs);
    }
    return describeProgress(this.#state, nowMs - this.#labelStartedMs);
  }
}

/** `reading train.csv  1.2 GiB of 4.0 GiB (30%)  210 MiB/s  14.2 s left` */
export function describeProgress(state: State, elapsedMs: number): string {
  const { done, total, unit } = state;
  const parts = [printable(state.label)];
  const amount = (value: number) =>
    unit === "bytes"
      ? formatBytes(value)
      : `${value < 10 ? formatNumber(value, 2) : formatCount(value)}${unit === undefined ? "" : ` ${unit}`}`;
  if (total !== undefined && total > 0) {
    const share = Math.min(100, Math.floor((done / total) * 100));
    const of = unit === "bytes" ? formatBytes(done) : formatCount(done);
    parts.push(`${of} of ${amount(total)} (${share}%)`);
  } else if (done > 0) {
    parts.push(amount(done));
  }
  if (done > 0 && elapsedMs >= RATE_AFTER_MS) {
    const perSecond = (done / elapsedMs) * 1000;
    parts.push(`${amount(perSecond)}/s`);
    if (total !== undefined && total > done) {
      parts.push(`${formatDuration(((total - done) / perSecond) * 1000)} left`);
    }
  } else if (done === 0 && elapsedMs >= 1000) {
    parts.push(formatDuration(elapsedMs));
  }
  return parts.join("  ");
}
