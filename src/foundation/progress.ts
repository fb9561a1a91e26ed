/** How far a long piece of work is. Calling it is cheap; whoever shows it decides how often. */
export interface Progress {
  /**
   * @param label what is being worked on, as a noun phrase
   * @param done units finished so far
   * @param total units in all, when known
   * @param unit "bytes" is shown as sizes, anything else as a count
   */
  report(label: string, done: number, total?: number, unit?: string): void;
}

export const silentProgress: Progress = { report: () => {} };
