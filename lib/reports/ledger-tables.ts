import { type Arrival, arrivalsOf } from '../arrivals/arrivals.ts';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { typeText } from '../contract/widening.ts';
import { type Changes, sumOf } from '../ledger/changes.ts';
import {
  type CheckResult,
  type DailyEntry,
  type DriftEntry,
  type FileEntry,
  partitions,
  type RunEntry,
} from '../ledger/entries.ts';
import { everything, knownDatasets } from '../ledger/everything.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';

export type LedgerType = 'VARCHAR' | 'DATE' | 'TIMESTAMP' | 'BIGINT' | 'DOUBLE';
/** Dates and times as text: `2026-01-31`, `2026-01-31 06:00:00.000`, in UTC. */
export type LedgerRow = readonly (string | number | null)[];

/** A table of the `headgate` database: the ledger, as analysts query it. */
export interface LedgerTable {
  readonly name: string;
  /** Name and SQL type, in order. */
  readonly columns: readonly (readonly [string, LedgerType])[];
  rows(): AsyncIterable<LedgerRow>;
  /** Datasets that it has rows of. */
  datasets(): Promise<readonly string[]>;
  /** Parts of a dataset's rows, and a version of each: where it is another one the rows may be others. Together they are its rows. */
  parts(changes: Changes): Readonly<Record<string, string>>;
  rowsOf(dataset: string, part: string): AsyncIterable<LedgerRow>;
}

const COUNTS = ['received', 'published', 'quarantined', 'deduplicated'] as const;

/** What the tables are made from. */
export interface LedgerTablePorts {
  readonly ledger: Ledger;
  readonly datasets: readonly Dataset[];
  readonly clock: Clock;
}

type Columns = LedgerTable['columns'];
const typed = (type: LedgerType, ...names: readonly string[]): Columns => names.map((name) => [name, type]);

export const ledgerTables = (ports: LedgerTablePorts): readonly LedgerTable[] => [
  files(ports),
  runs(ports),
  checkResults(ports),
  arrivals(ports),
  schemaChanges(ports),
];

/** The part that is everything. */
const ALL = '';

const files = ({ ledger }: LedgerTablePorts): LedgerTable =>
  table(ledger, {
    name: 'files',
    columns: [
      ...typed('VARCHAR', 'file_id', 'dataset', 'key', 'state', 'run_id', 'first_run_id', 'sha256'),
      ...typed('VARCHAR', 'reasons', 'duplicate_of'),
      ...typed('DATE', 'business_date'),
      ...typed('TIMESTAMP', 'received_at'),
      ...typed('BIGINT', 'bytes', ...COUNTS),
    ],
    parts: ({ files: changes }) => versions(changes),
    async *rowsOf(dataset, part) {
      for await (const file of bodies<FileEntry>(ledger, partitions.files(dataset), part))
        yield fileRow(file);
    },
  });

const runs = ({ ledger }: LedgerTablePorts): LedgerTable =>
  table(ledger, {
    name: 'runs',
    columns: [
      ...typed('VARCHAR', 'run_id', 'dataset', 'state', 'engine', 'reasons'),
      ...typed('TIMESTAMP', 'started_at', 'updated_at'),
      ...typed('BIGINT', 'files', ...COUNTS),
    ],
    parts: ({ runs: changes }) => versions(changes),
    async *rowsOf(dataset, part) {
      for await (const run of bodies<RunEntry>(ledger, partitions.runs(dataset), part)) yield runRow(run);
    },
  });

/** Of runs and of the daily look. `day` is the one that was looked at, for a run the one when it started; `rows` those that were looked at. */
const checkResults = ({ ledger }: LedgerTablePorts): LedgerTable =>
  table(ledger, {
    name: 'check_results',
    columns: [
      ...typed('VARCHAR', 'dataset', 'check_name', 'source', 'run_id', 'outcome'),
      ...typed('DATE', 'day'),
      ...typed('TIMESTAMP', 'checked_at'),
      ...typed('DOUBLE', 'value'),
      ...typed('BIGINT', 'rows'),
      ...typed('VARCHAR', 'expected', 'message'),
    ],
    parts: ({ runs: changes }) => versions(changes),
    async *rowsOf(dataset, part) {
      for await (const run of bodies<RunEntry>(ledger, partitions.runs(dataset), part))
        for (const check of run.checks ?? [])
          yield checkRow(check, { dataset, day: run.startedAt.slice(0, 10), at: run.updatedAt }, run.runId);
      const month = part === ALL ? '' : `${part.slice(0, 4)}-${part.slice(4)}`;
      for await (const daily of bodies<DailyEntry>(ledger, partitions.daily(dataset), month))
        for (const check of daily.results) yield checkRow(check, daily, null);
    },
  });

/** Days back that `headgate.arrivals` shows. */
const ARRIVAL_DAYS = 90;
const HOUR_MS = 60 * 60 * 1000;

/** What is due passes into what is missing by the clock alone. */
const arrivals = ({ ledger, datasets, clock }: LedgerTablePorts): LedgerTable =>
  table(ledger, {
    name: 'arrivals',
    columns: [
      ...typed('VARCHAR', 'dataset', 'date', 'state', 'lacks'),
      ...typed('TIMESTAMP', 'due_at', 'arrived_at'),
      ...typed('BIGINT', 'files', 'expected_files', 'received'),
    ],
    // Of a feed that has never sent anything, too.
    datasets: async () => datasets.map(datasetId),
    parts: (changes) => ({
      [ALL]: `${sumOf(changes.files)}.${Math.floor(clock.now().getTime() / HOUR_MS)}`,
    }),
    async *rowsOf(id) {
      const dataset = datasets.find((each) => datasetId(each) === id);
      if (dataset === undefined) return;
      for (const arrival of await arrivalsOf({ ledger, clock }, dataset, ARRIVAL_DAYS))
        yield arrivalRow(arrival);
    },
  });

const schemaChanges = ({ ledger }: LedgerTablePorts): LedgerTable =>
  table(ledger, {
    name: 'schema_changes',
    columns: [
      ...typed('VARCHAR', 'dataset', 'column_name', 'source_name', 'effect', 'file_id', 'key'),
      ...typed('TIMESTAMP', 'changed_at'),
    ],
    // A run records them before it goes on.
    parts: (changes) => ({ [ALL]: String(sumOf(changes.runs)) }),
    async *rowsOf(dataset) {
      for await (const entry of bodies<DriftEntry>(ledger, partitions.drift(dataset), ALL)) {
        const { column, sourceName, fileId, key, at } = entry;
        yield [dataset, column, sourceName, effectText(entry), fileId, key, moment(at)];
      }
    },
  });

const effectText = (entry: DriftEntry): string =>
  entry.effect === 'widened' ? `widened to ${typeText(entry.type)}` : entry.effect;

const versions = (changes: Readonly<Record<string, number>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(changes).map(([part, count]) => [part, String(count)]));

const table = (
  ledger: Ledger,
  spec: Omit<LedgerTable, 'rows' | 'datasets'> & Partial<Pick<LedgerTable, 'datasets'>>,
): LedgerTable => {
  const datasets = spec.datasets ?? (() => knownDatasets(ledger));
  return {
    ...spec,
    datasets,
    async *rows() {
      for (const dataset of await datasets()) yield* spec.rowsOf(dataset, ALL);
    },
  };
};

const arrivalRow = ({
  dataset,
  date,
  state,
  lacks,
  due,
  arrivedAt,
  files,
  expected,
  rows,
}: Arrival): LedgerRow => [
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

const fileRow = (file: FileEntry): LedgerRow => [
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

const runRow = (run: RunEntry): LedgerRow => [
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

const checkRow = (
  { check, outcome, value, rows, expected, message }: CheckResult,
  { dataset, day, at }: Pick<DailyEntry, 'dataset' | 'day' | 'at'>,
  runId: string | null,
): LedgerRow => [
  dataset,
  check,
  runId === null ? 'daily' : 'run',
  runId,
  outcome,
  day,
  moment(at),
  value,
  rows ?? null,
  expected ?? null,
  message ?? null,
];

export async function* allFiles(ledger: Ledger): AsyncIterable<FileEntry> {
  for (const dataset of await knownDatasets(ledger)) yield* filesOfDataset(ledger, dataset);
}
export const filesOfDataset = (ledger: Ledger, dataset: string): AsyncIterable<FileEntry> =>
  bodies<FileEntry>(ledger, partitions.files(dataset), ALL);
export async function* allRuns(ledger: Ledger): AsyncIterable<RunEntry> {
  for (const dataset of await knownDatasets(ledger))
    yield* bodies<RunEntry>(ledger, partitions.runs(dataset), ALL);
}

async function* bodies<Entry>(ledger: Ledger, partition: string, prefix: string): AsyncIterable<Entry> {
  const query = { partition, ...(prefix === '' ? {} : { prefix }) };
  for await (const { body } of everything<Entry>(ledger, query)) yield body;
}
