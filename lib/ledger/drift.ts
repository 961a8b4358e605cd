import { typeText } from '../contract/widening.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { type DriftEntry, partitions } from './entries.ts';
import { everything } from './everything.ts';

/** Columns and wider types that files have brought to a dataset, in the order in which they came. */
export async function driftOf(ledger: Ledger, dataset: string): Promise<readonly DriftEntry[]> {
  const entries = everything<DriftEntry>(ledger, { partition: partitions.drift(dataset) });
  const known = await Array.fromAsync(entries, ({ body }) => body);
  return known.sort((a, b) => compare(`${a.at} ${a.column}`, `${b.at} ${b.column}`));
}

/** Not by a language: the order of columns would be another one on other machines. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A column may be widened more than once. */
export const driftId = (entry: DriftEntry): string =>
  entry.effect === 'widened' ? `${entry.column}#${typeText(entry.type)}` : entry.column;

export const driftWrite = (entry: DriftEntry): LedgerWrite => ({
  kind: 'put',
  partition: partitions.drift(entry.dataset),
  sort: driftId(entry),
  body: entry,
});
