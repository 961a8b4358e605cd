import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { partitions, UNDATED } from './entries.ts';

/** How often each part of a dataset's records has changed. A part is the prefix that the sort keys in it have in common. */
export interface Changes {
  /** Files, by business month `2026-01`; those without a date by the month of their receipt, `0000-00-00.202601`. */
  readonly files: Readonly<Record<string, number>>;
  /** Runs and daily results, by month `202601`. */
  readonly runs: Readonly<Record<string, number>>;
}

/** Part of a file id. */
export const partOfFile = (fileId: string): string =>
  fileId.startsWith(UNDATED) ? fileId.slice(0, UNDATED.length + 6) : fileId.slice(0, 7);

/** Part of a run id, or of a day `yyyy-MM-dd`. */
export const partOfRun = (runIdOrDay: string): string => runIdOrDay.replaceAll('-', '').slice(0, 6);

/** Stands before the names of these counters: they lie in the items of the summary, where every change of a file writes anyway. */
const MARK = '@';
const RUNS = 'runs';

/** Numbers to add to an item of the summary, beside its own. */
export const fileChanges = (fileIds: readonly string[]): Readonly<Record<string, number>> => {
  const changes: Record<string, number> = {};
  for (const fileId of fileIds) {
    const name = `${MARK}${partOfFile(fileId)}`;
    changes[name] = (changes[name] ?? 0) + 1;
  }
  return changes;
};

/** Written with every change of a run and with daily results. Runs of a dataset come one after the other, so one item is enough. */
export const runChanged = (dataset: string, runIdOrDay: string): LedgerWrite => ({
  kind: 'add',
  partition: partitions.summary(dataset),
  sort: RUNS,
  numbers: { [`${MARK}${partOfRun(runIdOrDay)}`]: 1 },
});

/** One query. Whoever reads these first and the records after can tell later whether the records have changed since. */
export async function changesOf(ledger: Ledger, dataset: string): Promise<Changes> {
  const files: Record<string, number> = {};
  const runs: Record<string, number> = {};
  const items = await ledger.query<Record<string, number>>({ partition: partitions.summary(dataset) });
  for (const { sort, body } of items) {
    const into = sort === RUNS ? runs : files;
    for (const [name, count] of Object.entries(body))
      if (name.startsWith(MARK)) into[name.slice(1)] = (into[name.slice(1)] ?? 0) + count;
  }
  return { files, runs };
}

export const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
