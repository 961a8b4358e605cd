import { type Dataset, datasetId } from '../contract/dataset.ts';
import { type FileEntry, partitions } from '../ledger/entries.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Notice } from '../ports/notifier.ts';
import type { QueryEngine } from '../ports/query-engine.ts';

export interface DailyFinding {
  readonly dataset: string;
  readonly kind: 'reconciliation' | 'volume' | 'silence' | 'held' | 'waiting' | 'quarantined';
  readonly message: string;
}

export interface DailyPorts {
  readonly datasets: readonly Dataset[];
  readonly ledger: Ledger;
  readonly queryEngine: QueryEngine;
}

/** Business dates that a day is compared with. */
const LOOK_BACK_DAYS = 7;
/** Of those, so many must have had files, or nothing is usual yet. */
const FEWEST_DAYS = 4;
const UNUSUAL = 2;

/** What a person should look at of one business date (`yyyy-MM-dd`): ledger against table, volume against the days before, what waits. */
export async function dailyFindings(ports: DailyPorts, day: string): Promise<readonly DailyFinding[]> {
  const findings: DailyFinding[] = [];
  for (const dataset of ports.datasets) {
    const id = datasetId(dataset);
    const files = await filesOfDay(ports.ledger, id, day);
    const before: number[] = [];
    for (let back = 1; back <= LOOK_BACK_DAYS; back++) {
      const earlier = await filesOfDay(ports.ledger, id, daysBefore(day, back));
      if (earlier.length > 0) before.push(rowsOf(earlier));
    }
    const found = [
      ...fileFindings(files),
      ...volumeFindings(files, before),
      ...(await reconciled(ports, dataset, files, day)),
    ];
    findings.push(...found.map((finding) => ({ dataset: id, ...finding })));
  }
  return findings;
}

type Found = Omit<DailyFinding, 'dataset'>;

async function filesOfDay(ledger: Ledger, dataset: string, day: string): Promise<readonly FileEntry[]> {
  const items = await ledger.query<FileEntry>({
    partition: partitions.files(dataset),
    prefix: `${day}.`,
    limit: 100_000,
  });
  return items.map(({ body }) => body);
}

const daysBefore = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);

const rowsOf = (files: readonly FileEntry[]): number =>
  files.filter(({ state }) => state !== 'duplicate').reduce((sum, { counts }) => sum + counts.received, 0);

const STATES = { held: 'held', admitted: 'waiting', quarantined: 'quarantined' } as const;

const fileFindings = (files: readonly FileEntry[]): readonly Found[] =>
  Object.entries(STATES).flatMap(([state, kind]) => {
    const count = files.filter((file) => file.state === state).length;
    return count === 0 ? [] : [{ kind, message: `${count} ${count === 1 ? 'file' : 'files'} ${kind}` }];
  });

function volumeFindings(files: readonly FileEntry[], before: readonly number[]): readonly Found[] {
  if (before.length < FEWEST_DAYS) return [];
  const usual = [...before].sort((a, b) => a - b)[Math.floor(before.length / 2)] ?? 0;
  const rows = rowsOf(files);
  if (files.length === 0) return [{ kind: 'silence', message: `no file; usual are ${usual} rows a day` }];
  if (rows <= usual * UNUSUAL && rows >= usual / UNUSUAL) return [];
  return [{ kind: 'volume', message: `${rows} rows; usual are ${usual} a day` }];
}

/** Rows of an append stay where they are: the table holds of each file what the ledger says. Merges and replacements move them on. */
async function reconciled(
  { queryEngine }: DailyPorts,
  dataset: Dataset,
  files: readonly FileEntry[],
  day: string,
): Promise<readonly Found[]> {
  const expected = files.filter(({ state }) => state === 'published');
  if (dataset.writeMode !== 'append' || expected.length === 0) return [];
  const sql = `SELECT _source_file, count(*) AS n FROM ${dataset.domain}.${dataset.name} WHERE _source_file LIKE '${day}.%' GROUP BY _source_file`;
  const { rows } = await queryEngine.query(sql);
  const counted = new Map(rows.map(([file, count]) => [file, Number(count)]));
  const wrong = expected.filter(({ fileId, counts }) => (counted.get(fileId) ?? 0) !== counts.published);
  return wrong.map(({ fileId, counts }) => ({
    kind: 'reconciliation' as const,
    message: `the table holds ${counted.get(fileId) ?? 0} rows of ${fileId}, the ledger says ${counts.published}`,
  }));
}

/** One message for all of it. */
export const digest = (day: string, findings: readonly DailyFinding[]): Notice => ({
  kind: 'quality.digest',
  dataset: 'all',
  title:
    findings.length === 0 ? `${day}: nothing to look at` : `${day}: ${findings.length} things to look at`,
  facts: Object.fromEntries(
    [...new Set(findings.map(({ dataset }) => dataset))].map((dataset) => [
      dataset,
      findings
        .filter((finding) => finding.dataset === dataset)
        .map(({ message }) => message)
        .join('; '),
    ]),
  ),
  next: 'headgate status',
});
