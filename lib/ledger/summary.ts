import { createHash } from 'node:crypto';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { type FileEntry, type FileState, partitions } from './entries.ts';

/** Files by state and rows by fate of one dataset, kept beside every change of a file: counting a million files takes no longer than ten. */
export type Summary = Readonly<
  Record<FileState | 'rowsReceived' | 'rowsPublished' | 'rowsQuarantined' | 'rowsDeduplicated', number>
>;

/** So many items share the load of one dataset: parallel intakes rarely meet in one. */
const SHARDS = 16;

/** What a change of files adds to the summary; `before` is left out for a new file. */
export function summaryWrites(
  dataset: string,
  changes: readonly { readonly before?: FileEntry; readonly after: FileEntry }[],
): readonly LedgerWrite[] {
  const numbers: Record<string, number> = {};
  const add = (file: FileEntry, sign: 1 | -1) => {
    for (const [name, count] of Object.entries(partOf(file)))
      numbers[name] = (numbers[name] ?? 0) + sign * count;
  };
  for (const { before, after } of changes) {
    add(after, 1);
    if (before !== undefined) add(before, -1);
  }
  const changed = Object.entries(numbers).filter(([, count]) => count !== 0);
  if (changed.length === 0) return [];
  const shard =
    createHash('sha256')
      .update(changes[0]?.after.fileId ?? '')
      .digest()
      .readUInt8() % SHARDS;
  return [
    {
      kind: 'add',
      partition: partitions.summary(dataset),
      sort: String(shard),
      numbers: Object.fromEntries(changed),
    },
  ];
}

const partOf = ({ state, counts }: FileEntry): Partial<Record<keyof Summary, number>> => ({
  [state]: 1,
  rowsReceived: counts.received,
  rowsPublished: counts.published,
  rowsQuarantined: counts.quarantined,
  rowsDeduplicated: counts.deduplicated,
});

export async function summaryOf(ledger: Ledger, dataset: string): Promise<Summary> {
  const total = {
    admitted: 0,
    held: 0,
    published: 0,
    quarantined: 0,
    duplicate: 0,
    superseded: 0,
    withdrawn: 0,
    rowsReceived: 0,
    rowsPublished: 0,
    rowsQuarantined: 0,
    rowsDeduplicated: 0,
  };
  for (const { body } of await ledger.query<Partial<Summary>>({ partition: partitions.summary(dataset) })) {
    for (const name of Object.keys(total) as (keyof Summary)[]) total[name] += body[name] ?? 0;
  }
  return total;
}
