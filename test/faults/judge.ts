import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { FINAL_RUN_STATES, type FileEntry, type LockEntry, partitions } from '../../lib/ledger/entries.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { tablePorts } from '../../lib/pipeline/context.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import type { OutputName } from '../../lib/plan/plan.ts';
import { allFiles, allRuns } from '../../lib/reports/ledger-tables.ts';
import { liveFiles, loadTable } from '../../lib/table/table.ts';
import { DATASET, type Played } from './theatre.ts';

/** What a reader of the lake sees when everything is at rest, without what differs from run to run. */
export interface Seen {
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly files: readonly string[];
}

const TABLES: readonly (readonly [OutputName, string])[] = [
  ['curated', 'shop'],
  ['quarantine', 'shop_quarantine'],
  ['vault', 'shop_vault'],
];

export async function seenOf(lake: Lake): Promise<Seen> {
  const tables: Record<string, readonly string[]> = {};
  for (const [output, database] of TABLES) tables[database] = await rowsOf(lake, output, database);
  const files: FileEntry[] = await Array.fromAsync(allFiles(lake.ledger));
  return {
    tables,
    files: files
      .map(({ key, state, counts, checks, reasons }) => {
        // Whether a row lost within its batch or to a later one depends on what the batches were, and the outcome does not.
        const { 'row.duplicate': _within, 'row.superseded': _later, ...failing } = checks;
        const { received, quarantined } = counts;
        return JSON.stringify({
          key,
          state,
          received,
          quarantined,
          failing,
          reasons: reasons.map(({ code }) => code),
        });
      })
      .sort(),
  };
}

/** Read by hyparquet, which is not what wrote them. */
async function rowsOf(lake: Lake, output: OutputName, database: string): Promise<readonly string[]> {
  const ports = tablePorts(lake, output);
  const table = await loadTable(ports, { database, name: 'orders' });
  if (table === undefined) return ['no table'];
  const rows: string[] = [];
  for (const { path } of await liveFiles(ports.store, table)) {
    const bytes = readFileSync(path);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    for (const row of await parquetReadObjects({
      file,
      compressors: { ZSTD: (input) => zstdDecompressSync(input) },
    })) {
      const { _run_id, _source_file, _first_run_id, ...rest } = row;
      rows.push(JSON.stringify({ ...rest, _day: String(_source_file).slice(0, 10) }, bigints));
    }
  }
  return rows.sort();
}

const bigints = (_name: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

/** Everything that is wrong with what a schedule has left behind; nothing where all promises held. */
export async function judged(played: Played, wanted: Seen): Promise<readonly string[]> {
  const { lake } = played;
  const { ledger } = lake;
  const seen = await seenOf(lake);
  const files: FileEntry[] = await Array.fromAsync(allFiles(ledger));
  const wrong: string[] = [...played.misdeeds];
  const expect = (holds: boolean, what: string) => {
    if (!holds) wrong.push(what);
  };
  expect(played.atRest, `the sweeper came to no rest: ${played.lastErrors.join('; ')}`);
  for (const { key, state, counts } of files) {
    const { received, published, quarantined, deduplicated } = counts;
    expect(
      received === published + quarantined + deduplicated,
      `${key} is not conserved: ${JSON.stringify(counts)}`,
    );
    expect(state !== 'admitted' && state !== 'held', `${key} is ${state}`);
  }
  for (const [name, rows] of Object.entries(wanted.tables)) {
    const now = seen.tables[name] ?? [];
    expect(
      JSON.stringify(now) === JSON.stringify(rows),
      `${name} is not as without faults: ${difference(now, rows)}`,
    );
  }
  expect(
    JSON.stringify(seen.files) === JSON.stringify(wanted.files),
    `the files are not as without faults: ${difference(seen.files, wanted.files)}`,
  );
  for (const partition of [
    partitions.pending(DATASET),
    partitions.openRuns,
    partitions.openReplays,
    partitions.settling,
    partitions.notices,
  ]) {
    const left = await ledger.query({ partition });
    expect(left.length === 0, `${left.length} left in ${partition}`);
  }
  for (const { body } of await ledger.query<LockEntry>({ partition: partitions.locks }))
    expect(body.owner === '', `the lock of ${body.dataset} belongs to ${body.owner}`);
  const summary = await summaryOf(ledger, DATASET);
  expect(
    summary.rowsReceived === summary.rowsPublished + summary.rowsQuarantined + summary.rowsDeduplicated,
    `the summary is not conserved: ${JSON.stringify(summary)}`,
  );
  const landed = await Array.fromAsync(lake.landing.list(''));
  expect(landed.length === 0, `${landed.length} objects left in landing`);
  for (const { what } of await diagnose(lake, { landing: lake.landing, mend: false }))
    wrong.push(`headgate doctor: ${what}`);
  wrong.push(...(await alerts(played, files)));
  return wrong;
}

/**
 * Each alert that was due is sent once. Again only where a fault struck the notifier itself, or the ledger's record of what is still to be told: the
 * answer or the process that had sent it is gone then. A run that fails again is told of again.
 */
async function alerts(
  { lake, sent, schedule, trace }: Played,
  files: readonly FileEntry[],
): Promise<readonly string[]> {
  const runs = await Array.fromAsync(allRuns(lake.ledger));
  const due = [
    ...files.filter(({ state }) => state === 'quarantined').map(({ fileId }) => `file.quarantined ${fileId}`),
    ...runs.filter(({ state }) => state === 'published').map(({ runId }) => `run.published ${runId}`),
  ];
  const open = runs.filter(({ state }) => !FINAL_RUN_STATES.includes(state));
  const counts = Map.groupBy(sent, ({ kind, subject }) => `${kind} ${subject}`);
  const full = schedule.fullAt === undefined ? 0 : 1;
  const struck = schedule.faults.filter(({ at, kind }) =>
    trace.slice(at - 1, kind === 'outage' ? at + 5 : at).some(({ name }) => TELLS.test(name)),
  );
  const allowed = (name: string) =>
    1 + full + (name.startsWith('run.failed') ? schedule.faults.length : struck.length);
  return [
    ...open.map(({ runId, state }) => `run ${runId} is ${state}`),
    ...due.filter((name) => !counts.has(name)).map((name) => `${named(name)} was not sent`),
    ...[...counts]
      .filter(([name, times]) => times.length > allowed(name))
      .map(([name, times]) => `${named(name)} was sent ${times.length} times`),
    ...[...counts.keys()]
      .filter((name) => !name.startsWith('run.failed') && !due.includes(name))
      .map((name) => `${named(name)} was sent and not due`),
  ];
}

const TELLS = /^notifier: |^ledger: (get|query|transact (put|delete)) notice\b/;

const named = (name: string): string => name.split(' ')[0] ?? '';

function difference(now: readonly string[], wanted: readonly string[]): string {
  const missing = wanted.filter((row) => !now.includes(row));
  const extra = now.filter((row, index) => !wanted.includes(row) || now.indexOf(row) !== index);
  return `missing ${missing.join(' ') || 'nothing'}, too many ${extra.join(' ') || 'nothing'}`;
}
