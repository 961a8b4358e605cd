import { Temporal } from 'temporal-polyfill';
import { dateIn, dayOf, zoneOf } from '../arrivals/calendar.ts';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { retentionOf } from '../contract/retention.ts';
import { type FileEntry, partitions, type RunEntry, stampOf, UNDATED } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import { changeFiles } from '../ledger/files.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { saveRun } from '../ledger/runs.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import { commit } from '../table/commit.ts';
import type { LiveFile } from '../table/manifests.ts';
import { liveFiles, loadTable, shapeOf, snapshotText } from '../table/table.ts';
import { tablePorts } from './context.ts';
import { type TableOf, tablesOf } from './maintain.ts';
import type { Services } from './services.ts';

/** What is past the retention of one dataset's contract, decided without changing anything. */
export interface RetentionPlan {
  readonly dataset: string;
  /** Business dates before this one (`yyyy-MM-dd`) are past. */
  readonly before: string;
  readonly tables: readonly RetiredRows[];
  /** Files of the ledger that have no row in any table any more once this is done. */
  readonly files: readonly string[];
}

export interface RetiredRows extends TableOf {
  readonly snapshot: string | null;
  /** Data files that hold rows past their retention and no others. */
  readonly remove: readonly string[];
  readonly rows: number;
  /** Data files that hold younger rows as well: they go when those are past. */
  readonly mixed: number;
}

/**
 * Undefined where the contract says nothing about retention. A row is as old as the business date of the file that brought it, without one the day of its
 * receipt. Whole data files leave a table, told by the bounds in its metadata: nothing is rewritten. A history keeps its rows, because a
 * version that has held for long is still the current one; so does a vault those that a row of the dataset still has a token of.
 */
export async function planRetention(
  services: Services,
  queryEngine: QueryEngine,
  dataset: Dataset,
): Promise<RetentionPlan | undefined> {
  const period = retentionOf(dataset);
  if (period === undefined) return undefined;
  const zone = zoneOf(dataset);
  const today = Temporal.PlainDate.from(dateIn(zone, services.clock.now()));
  const before = today.subtract(period).toString();
  const limit = limitOf(zone, before);
  const tables: RetiredRows[] = [];
  const left: SourceRange[] = [];
  for (const each of await tablesOf(services, dataset)) {
    if (each.output === 'vault') continue;
    const { retired, ranges } = await lookAt(services, dataset, each, limit);
    left.push(...ranges);
    if (retired.remove.length + retired.mixed > 0) tables.push(retired);
  }
  tables.push(...(await unusedOriginals(services, queryEngine, dataset, before)));
  const past = await pastFiles(services.ledger, datasetId(dataset), limit);
  const files = past.filter((fileId) => !left.some(({ lower, upper }) => lower <= fileId && fileId <= upper));
  return { dataset: datasetId(dataset), before, tables, files };
}

/** File ids below these are past: `dated` of files with a business date, `undated` of the others. */
interface Limit {
  readonly dated: string;
  readonly undated: string;
}

const limitOf = (zone: string, before: string): Limit => ({
  dated: `${before}.`,
  undated: `${UNDATED}${stampOf(dayOf(zone, before).from)}`,
});

const isPast = (fileId: string, { dated, undated }: Limit): boolean =>
  fileId < (fileId.startsWith(UNDATED) ? undated : dated);

interface SourceRange {
  readonly lower: string;
  readonly upper: string;
}

async function lookAt(
  services: Services,
  dataset: Dataset,
  each: TableOf,
  limit: Limit,
): Promise<{ readonly retired: RetiredRows; readonly ranges: readonly SourceRange[] }> {
  const { files, sourceId, snapshot } = await filesOfTable(services, each, '_source_file');
  const staysWhole = each.output === 'curated' && dataset.writeMode === 'scd2';
  const going = new Set(staysWhole ? [] : files.filter((file) => isWhollyPast(file, sourceId, limit)));
  const kept = files.filter((file) => !going.has(file));
  const ranges = kept.map((file) => rangeOf(file, sourceId));
  return {
    retired: {
      ...each,
      snapshot,
      remove: [...going].map(({ path }) => path),
      rows: [...going].reduce((sum, { rows }) => sum + rows, 0),
      mixed: staysWhole ? 0 : ranges.filter(({ lower }) => isPast(lower, limit)).length,
    },
    ranges,
  };
}

async function filesOfTable(services: Services, { output, table: name }: TableOf, column: string) {
  const ports = tablePorts(services, output);
  const table = await loadTable(ports, name);
  const files = table === undefined ? [] : await liveFiles(ports.store, table);
  const schema = table === undefined ? [] : shapeOf(table.metadata).schema;
  const sourceId = schema.find((field) => field.name === column)?.id ?? -1;
  return { files, sourceId, snapshot: table === undefined ? null : snapshotText(table) };
}

/** A file without bounds may hold rows of any file. */
const rangeOf = (file: LiveFile, column: number): SourceRange => ({
  lower: file.lowerText(column) ?? '',
  upper: file.upperText(column) ?? '\u{10FFFF}',
});

/** Both ends are of one kind: between an undated and a dated one lie undated ones of any age. */
function isWhollyPast(file: LiveFile, column: number, limit: Limit): boolean {
  const { lower, upper } = rangeOf(file, column);
  return lower !== '' && lower.startsWith(UNDATED) === upper.startsWith(UNDATED) && isPast(upper, limit);
}

const MOST_FILES = 20_000;

/** Files that are done with, oldest first, at most 20,000: the next time goes on with the others. */
async function pastFiles(ledger: Ledger, dataset: string, limit: Limit): Promise<readonly string[]> {
  const partition = partitions.files(dataset);
  const found: string[] = [];
  for (const query of [{ prefix: UNDATED }, { after: `${UNDATED}~` }]) {
    for await (const { sort, body } of everything<FileEntry>(ledger, { partition, ...query })) {
      if (!isPast(sort, limit) || found.length === MOST_FILES) break;
      if (isDone(body)) found.push(sort);
    }
  }
  return found;
}

/** Of one that is withdrawn no table has a row: it stays what it is. */
const KEPT: readonly FileEntry['state'][] = ['admitted', 'held', 'withdrawn', 'expired', 'control'];
const isDone = ({ state }: FileEntry): boolean => !KEPT.includes(state);

/**
 * Files of the vault that a run long past wrote and of whose tokens no row is left. Asked while the rows that leave now are still there: the vault
 * follows the next time.
 */
async function unusedOriginals(
  services: Services,
  queryEngine: QueryEngine,
  dataset: Dataset,
  before: string,
): Promise<readonly RetiredRows[]> {
  const columns = dataset.columns.filter(({ pii }) => pii?.action === 'vault').map(({ name }) => name);
  const all = await tablesOf(services, dataset);
  const vault = all.find(({ output }) => output === 'vault');
  if (vault === undefined || columns.length === 0) return [];
  const { files, sourceId, snapshot } = await filesOfTable(services, vault, '_run_id');
  const oldest = before.replaceAll('-', '');
  const candidates = files.filter((file) => {
    const { lower, upper } = rangeOf(file, sourceId);
    return lower === upper && upper < oldest;
  });
  if (candidates.length === 0) return [];
  const used = await usedRuns(queryEngine, vault, all, columns, oldest);
  const going = candidates.filter((file) => !used.has(rangeOf(file, sourceId).lower));
  const rows = going.reduce((sum, file) => sum + file.rows, 0);
  return going.length === 0
    ? []
    : [{ ...vault, snapshot, remove: going.map(({ path }) => path), rows, mixed: 0 }];
}

/** Runs of which a token stands in a row of the dataset, in Athena's SQL. */
async function usedRuns(
  queryEngine: QueryEngine,
  { table: vault }: TableOf,
  tables: readonly TableOf[],
  columns: readonly string[],
  oldest: string,
): Promise<ReadonlySet<string | null | undefined>> {
  const rooms = tables.filter(({ output }) => output !== 'vault');
  const tokens = rooms.flatMap(({ table }) =>
    columns.map((column) => `SELECT "${column}" AS token FROM "${table.database}"."${table.name}"`),
  );
  const { rows } = await queryEngine.query(
    `SELECT DISTINCT v._run_id FROM "${vault.database}"."${vault.name}" v WHERE v._run_id < '${oldest}' AND v.token IN (${tokens.join(' UNION ALL ')})`,
  );
  return new Set(rows.map(([runId]) => runId));
}

/** One sentence a table, for people. */
export function explainRetention({ dataset, before, tables, files }: RetentionPlan): readonly string[] {
  return [
    ...tables.map(({ table, rows, remove, mixed }) => {
      const wait = mixed === 0 ? '' : `; ${mixed} data files with younger rows too wait until those are past`;
      return `${table.database}.${table.name}: ${rows} rows of business dates before ${before} in ${remove.length} data files leave${wait}`;
    }),
    ...(files.length === 0
      ? []
      : [`${dataset}: ${files.length} files are expired and can't be replayed any more`]),
  ];
}

export const isNothing = ({ tables, files }: RetentionPlan): boolean =>
  files.length === 0 && tables.every(({ remove }) => remove.length === 0);

/**
 * Does what the plan says, under the dataset's lock. Each table by one commit onto the snapshot that was planned on, then the ledger: a call that dies is
 * followed by the next one, which plans what is left.
 */
export async function applyRetention(
  services: Services,
  lock: Lock,
  plan: RetentionPlan,
): Promise<RunEntry | undefined> {
  if (isNothing(plan)) return undefined;
  const { ledger, clock } = services;
  const { dataset, before } = plan;
  const startedAt = clock.now().toISOString();
  const rows = plan.tables.reduce((sum, each) => sum + each.rows, 0);
  const run: RunEntry = {
    runId: lock.runId,
    dataset,
    state: 'published',
    files: [],
    startedAt,
    updatedAt: startedAt,
    retention: { before, files: plan.files.length, rows },
    reasons: [],
  };
  // First: whatever becomes of this call, the ledger knows whose snapshots these are.
  await saveRun(ledger, run, [holds(lock)]);
  const snapshots: Record<string, string> = {};
  for (const { output, table, snapshot, remove } of plan.tables) {
    if (remove.length === 0) continue;
    const change = { runId: lock.runId, add: [], remove, kept: 0, onto: { snapshot } };
    const done = await commit(tablePorts(services, output), table, change);
    snapshots[`${table.database}.${table.name}`] = done.snapshot;
  }
  const expired = (file: FileEntry): FileEntry | undefined =>
    isDone(file) ? { ...file, state: 'expired', runId: lock.runId } : undefined;
  await changeFiles(ledger, dataset, plan.files, expired, [holds(lock)]);
  const done: RunEntry = { ...run, updatedAt: clock.now().toISOString(), snapshots };
  await saveRun(ledger, done, [holds(lock)]);
  return done;
}
