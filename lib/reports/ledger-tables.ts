import { type Arrival, arrivalsOf } from '../arrivals/arrivals.ts';
import type { Dataset } from '../contract/dataset.ts';
import { typeText } from '../contract/widening.ts';
import type { FileEntry, RunEntry } from '../ledger/entries.ts';
import { type DriftEntry, partitions } from '../ledger/entries.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';

/** A table of the `headgate` database: the ledger, as analysts query it. */
export interface LedgerTable {
  readonly name: string;
  /** Name and SQL type, in order. */
  readonly columns: readonly (readonly [string, string])[];
  rows(): AsyncIterable<readonly (string | number | null)[]>;
}

const COUNTS = ['received', 'published', 'quarantined', 'deduplicated'] as const;

/** What the tables are made from. */
export interface LedgerTablePorts {
  readonly ledger: Ledger;
  readonly datasets: readonly Dataset[];
  readonly clock: Clock;
}

export const ledgerTables = ({ ledger, datasets, clock }: LedgerTablePorts): readonly LedgerTable[] => [
  {
    name: 'files',
    columns: [
      ...[
        'file_id',
        'dataset',
        'key',
        'state',
        'run_id',
        'first_run_id',
        'sha256',
        'reasons',
        'duplicate_of',
      ].map((name) => [name, 'VARCHAR'] as const),
      ['business_date', 'DATE'],
      ['received_at', 'TIMESTAMP'],
      ['bytes', 'BIGINT'],
      ...COUNTS.map((name) => [name, 'BIGINT'] as const),
    ],
    async *rows() {
      for await (const file of allFiles(ledger)) yield fileRow(file);
    },
  },
  {
    name: 'runs',
    columns: [
      ...['run_id', 'dataset', 'state', 'engine', 'reasons'].map((name) => [name, 'VARCHAR'] as const),
      ['started_at', 'TIMESTAMP'],
      ['updated_at', 'TIMESTAMP'],
      ['files', 'BIGINT'],
      ...COUNTS.map((name) => [name, 'BIGINT'] as const),
    ],
    async *rows() {
      for await (const run of allRuns(ledger)) yield runRow(run);
    },
  },
  {
    name: 'arrivals',
    columns: [
      ...['dataset', 'date', 'state', 'lacks'].map((name) => [name, 'VARCHAR'] as const),
      ['due_at', 'TIMESTAMP'],
      ['arrived_at', 'TIMESTAMP'],
      ...['files', 'expected_files', 'received'].map((name) => [name, 'BIGINT'] as const),
    ],
    async *rows() {
      for (const dataset of datasets)
        for (const arrival of await arrivalsOf({ ledger, clock }, dataset, ARRIVAL_DAYS))
          yield arrivalRow(arrival);
    },
  },
  {
    name: 'schema_changes',
    columns: [
      ...['dataset', 'column_name', 'source_name', 'effect', 'file_id', 'key'].map(
        (name) => [name, 'VARCHAR'] as const,
      ),
      ['changed_at', 'TIMESTAMP'],
    ],
    async *rows() {
      const all = ofAllDatasets(ledger, (each) => everything<DriftEntry>(ledger, partitions.drift(each)));
      for await (const entry of all) {
        const { dataset, column, sourceName, fileId, key, at } = entry;
        yield [dataset, column, sourceName, effectText(entry), fileId, key, moment(at)];
      }
    },
  },
];

const effectText = (entry: DriftEntry): string =>
  entry.effect === 'widened' ? `widened to ${typeText(entry.type)}` : entry.effect;

/** Days back that `headgate.arrivals` shows. */
const ARRIVAL_DAYS = 90;

const arrivalRow = ({ dataset, date, state, lacks, due, arrivedAt, files, expected, rows }: Arrival) => [
  dataset,
  date,
  state,
  lacks,
  due === undefined ? null : moment(due.toISOString()),
  arrivedAt === undefined ? null : moment(arrivedAt.toISOString()),
  files,
  expected ?? null,
  rows,
];

const moment = (iso: string): string => iso.replace('T', ' ').replace('Z', '');
const reasonText = (reasons: FileEntry['reasons']): string =>
  reasons.map(({ code, message }) => `${code}: ${message}`).join('; ');

const fileRow = (file: FileEntry): readonly (string | number | null)[] => [
  file.fileId,
  file.dataset,
  file.key,
  file.state,
  file.runId ?? null,
  file.publishedBy?.[0] ?? null,
  file.sha256,
  reasonText(file.reasons),
  file.duplicateOf ?? null,
  file.businessDate ?? null,
  moment(file.receivedAt),
  file.bytes,
  ...COUNTS.map((name) => file.counts[name]),
];

const runRow = (run: RunEntry): readonly (string | number | null)[] => [
  run.runId,
  run.dataset,
  run.state,
  run.engine ?? null,
  reasonText(run.reasons),
  moment(run.startedAt),
  moment(run.updatedAt),
  run.files.length,
  ...COUNTS.map((name) => run.counts?.[name] ?? 0),
];

export const allFiles = (ledger: Ledger): AsyncIterable<FileEntry> =>
  ofAllDatasets(ledger, (dataset) => filesOfDataset(ledger, dataset));
export const filesOfDataset = (ledger: Ledger, dataset: string): AsyncIterable<FileEntry> =>
  everything<FileEntry>(ledger, partitions.files(dataset));
export const allRuns = (ledger: Ledger): AsyncIterable<RunEntry> =>
  ofAllDatasets(ledger, (dataset) => everything<RunEntry>(ledger, partitions.runs(dataset)));

async function* ofAllDatasets<Entry>(
  ledger: Ledger,
  entries: (dataset: string) => AsyncIterable<Entry>,
): AsyncIterable<Entry> {
  for (const { body } of await ledger.query<{ dataset: string }>({ partition: partitions.datasets }))
    yield* entries(body.dataset);
}

const PAGE = 1000;

async function* everything<Entry>(ledger: Ledger, partition: string): AsyncIterable<Entry> {
  let after: string | undefined;
  do {
    const page = await ledger.query<Entry>({
      partition,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const item of page) yield item.body;
    after = page.length < PAGE ? undefined : page.at(-1)?.sort;
  } while (after !== undefined);
}
