import { type Dataset, datasetId } from '../contract/dataset.ts';
import { ConflictError } from '../errors.ts';
import { acquire, type Lock, release } from '../ledger/locks.ts';
import { openRuns } from '../ledger/runs.ts';
import { type OutputName, SIDE_OUTPUTS } from '../plan/plan.ts';
import { tableOf } from '../plan/tables.ts';
import type { TableName } from '../ports/catalog.ts';
import { DAY_MS } from '../ports/clock.ts';
import { type Compaction, type CompactionOrder, compact } from '../table/compact.ts';
import { type Expiry, type ExpiryOrder, expire } from '../table/expire.ts';
import { keyOf, liveFiles, loadTable, type Table, type TablePorts } from '../table/table.ts';
import { newRunId, tablePorts } from './context.ts';
import type { Services } from './services.ts';

/**
 * Does something to a dataset while no run does.
 * @throws ConflictError while one does
 */
export async function withLock<T>(
  services: Services,
  dataset: string,
  execution: string,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  const lock = await acquire(services, { dataset, runId: newRunId(services), owner: execution });
  if (lock === undefined) {
    throw new ConflictError(`a run of ${dataset} is working; do it again when it is done: headgate runs`, {
      fault: 'source',
    });
  }
  try {
    return await work(lock);
  } finally {
    await release(services.ledger, lock);
  }
}

export interface TableOf {
  readonly output: OutputName;
  readonly table: TableName;
}

/** The tables of a dataset that exist. */
export async function tablesOf(services: Services, dataset: Dataset): Promise<readonly TableOf[]> {
  const tables: TableOf[] = [];
  for (const output of ['curated', ...SIDE_OUTPUTS, 'vault'] as const) {
    const table = tableOf(dataset, output);
    if ((await loadTable(tablePorts(services, output), table)) !== undefined) tables.push({ output, table });
  }
  return tables;
}

/** Paths of data files that a table names and its store does not have. */
export async function missingFiles(ports: TablePorts, table: Table): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const { path } of await liveFiles(ports.store, table))
    if ((await ports.store.stat(keyOf(ports.store, path))) === undefined) missing.push(path);
  return missing;
}

/** Rewrites files of one table. */
export type Rewriter = (output: OutputName, dataset: Dataset) => CompactionOrder['rewrite'];

/** Makes few large files of many small ones, in every table of a dataset; rows stay as they are. */
export async function compactDataset(
  services: Services,
  dataset: Dataset,
  rewriter: Rewriter,
): Promise<readonly (TableOf & Compaction)[]> {
  const done: (TableOf & Compaction)[] = [];
  for (const each of await tablesOf(services, dataset)) {
    const runId = `compact-${newRunId(services)}`;
    const rewrite = rewriter(each.output, dataset);
    done.push({
      ...each,
      ...(await compact(tablePorts(services, each.output), each.table, { runId, rewrite })),
    });
  }
  return done;
}

/** A week of ways back, and five of them whatever their age. */
export const DEFAULT_EXPIRY = { grace: 7 * DAY_MS, keep: 5 } as const;

/** Forgets old snapshots of every table of a dataset and removes the files that nothing needs any more. */
export async function expireDataset(
  services: Services,
  dataset: Dataset,
  order: Omit<ExpiryOrder, 'openRuns'>,
): Promise<readonly (TableOf & Expiry)[]> {
  const open = (await openRuns(services.ledger, datasetId(dataset))).map(({ runId }) => runId);
  const done: (TableOf & Expiry)[] = [];
  for (const each of await tablesOf(services, dataset))
    done.push({
      ...each,
      ...(await expire(tablePorts(services, each.output), each.table, { ...order, openRuns: open })),
    });
  return done;
}
