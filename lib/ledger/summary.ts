import { createHash } from 'node:crypto';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { fileChanges } from './changes.ts';
import { type FileEntry, type FileState, partitions } from './entries.ts';

type Counter = FileState | 'rowsReceived' | 'rowsPublished' | 'rowsQuarantined' | 'rowsDeduplicated';

/** Files by state and rows by fate of one dataset, kept beside every change of a file: counting a million files takes no longer than ten. */
export type Summary = Readonly<Record<Counter, number>>;

const NOTHING: Summary = {
  admitted: 0,
  held: 0,
  published: 0,
  quarantined: 0,
  duplicate: 0,
  superseded: 0,
  withdrawn: 0,
  control: 0,
  expired: 0,
  rowsReceived: 0,
  rowsPublished: 0,
  rowsQuarantined: 0,
  rowsDeduplicated: 0,
};
const COUNTERS = Object.keys(NOTHING) as readonly Counter[];

/** So many items share the load of one dataset: parallel intakes rarely meet in one. */
const SHARDS = 16;

export interface FileChange {
  /** Left out for a new file. */
  readonly before?: FileEntry;
  readonly after: FileEntry;
}

/** What a change of files adds to the summary of their dataset, and that they have changed. */
export function summaryWrites(dataset: string, changes: readonly FileChange[]): readonly LedgerWrite[] {
  const sum = new Sum();
  for (const { before, after } of changes) {
    sum.add(after);
    if (before !== undefined) sum.add(before, -1);
  }
  const changed = fileChanges(changes.map(({ after }) => after.fileId));
  return adding(
    dataset,
    { ...differenceOf(sum.total(), NOTHING), ...changed },
    changes[0]?.after.fileId ?? '',
  );
}

/** Adds numbers as they are: what mends a summary that went wrong. */
export const adding = (
  dataset: string,
  numbers: Readonly<Record<string, number>>,
  shardedBy: string,
): readonly LedgerWrite[] => {
  if (Object.keys(numbers).length === 0) return [];
  const shard = createHash('sha256').update(shardedBy).digest().readUInt8() % SHARDS;
  return [
    { kind: 'add', partition: partitions.summary(dataset), sort: String(shard), numbers: { ...numbers } },
  ];
};

/** Counts files one by one. */
export class Sum {
  readonly #total: Record<Counter, number> = { ...NOTHING };

  add({ state, counts }: FileEntry, times = 1): void {
    this.#total[state] += times;
    this.#total.rowsReceived += times * counts.received;
    this.#total.rowsPublished += times * counts.published;
    this.#total.rowsQuarantined += times * counts.quarantined;
    this.#total.rowsDeduplicated += times * counts.deduplicated;
  }

  total(): Summary {
    return { ...this.#total };
  }
}

/** Counters in which two summaries differ, and by how much `a` is greater. */
export const differenceOf = (a: Summary, b: Summary): Partial<Summary> =>
  Object.fromEntries(COUNTERS.flatMap((name) => (a[name] === b[name] ? [] : [[name, a[name] - b[name]]])));

export async function summaryOf(ledger: Ledger, dataset: string): Promise<Summary> {
  const total = { ...NOTHING };
  for (const { body } of await ledger.query<Partial<Summary>>({ partition: partitions.summary(dataset) }))
    for (const name of COUNTERS) total[name] += body[name] ?? 0;
  return total;
}
