import { type Entity, entityId } from '../contract/entity.ts';
import { TerminalError } from '../errors.ts';
import { partitions } from '../ledger/entries.ts';
import type { Lock } from '../ledger/locks.ts';
import { newRunId, tablePorts } from '../pipeline/context.ts';
import type { Finding } from '../pipeline/diagnosis.ts';
import { missingFiles, type TableOf } from '../pipeline/maintain.ts';
import type { Services } from '../pipeline/services.ts';
import { type Compaction, type CompactionOrder, compact } from '../table/compact.ts';
import { type Expiry, type ExpiryOrder, expire } from '../table/expire.ts';
import { ancestors, RUN_ID, snapshotById } from '../table/snapshots.ts';
import { loadTable, type Table } from '../table/table.ts';
import { finishLast, lastRun, type MatchRun, rollBackTo } from './run.ts';
import { MATCH_TABLES, type MatchTable, matchTable } from './tables.ts';

type EntityTable = Pick<TableOf, 'table'> & { readonly of: MatchTable };

/** The tables of an entity that exist. */
async function tablesOfEntity(services: Services, entity: Entity): Promise<readonly EntityTable[]> {
  const tables: EntityTable[] = [];
  for (const of of MATCH_TABLES) {
    const table = matchTable(entity, of);
    if ((await loadTable(tablePorts(services, 'curated'), table)) !== undefined) tables.push({ of, table });
  }
  return tables;
}

/** As `compactDataset`. Called while the entity's lock is held; a match that was cut off is published first. */
export async function compactEntity(
  services: Services,
  { entity, lock }: { readonly entity: Entity; readonly lock: Lock },
  rewriter: (table: MatchTable) => CompactionOrder['rewrite'],
): Promise<readonly (EntityTable & Compaction)[]> {
  await finishLast(services, entity, lock);
  const done: (EntityTable & Compaction)[] = [];
  for (const each of await tablesOfEntity(services, entity)) {
    const order = { runId: `compact-${newRunId(services)}`, rewrite: rewriter(each.of) };
    done.push({ ...each, ...(await compact(tablePorts(services, 'curated'), each.table, order)) });
  }
  return done;
}

/** As `expireDataset`. Called while the entity's lock is held; a match that was cut off is published first. */
export async function expireEntity(
  services: Services,
  { entity, lock }: { readonly entity: Entity; readonly lock: Lock },
  order: Omit<ExpiryOrder, 'openRuns'>,
): Promise<readonly (EntityTable & Expiry)[]> {
  await finishLast(services, entity, lock);
  const done: (EntityTable & Expiry)[] = [];
  for (const each of await tablesOfEntity(services, entity))
    done.push({
      ...each,
      ...(await expire(tablePorts(services, 'curated'), each.table, { ...order, openRuns: [] })),
    });
  return done;
}

/**
 * Makes an entity's tables what they were after one match: all of them, by the snapshot of its own table. What people decided about pairs
 * stays; `match run` does nothing until a source, the contract or a decision changes. Called while the entity's lock is held; one that dies is finished by the
 * next `match run`.
 * @throws TerminalError where a table no longer has the snapshot of that match
 */
export async function rollBackEntity(
  services: Services,
  { entity, lock }: { readonly entity: Entity; readonly lock: Lock },
  to: string | null,
): Promise<MatchRun> {
  const last = await finishLast(services, entity, lock);
  if (last === undefined)
    throw new TerminalError(`${entityId(entity)} has never been matched: headgate match run`, {
      fault: 'source',
    });
  const own = await loadTable(tablePorts(services, 'curated'), matchTable(entity, 'golden'));
  const standing = own === undefined || to === null ? [] : runsBehind(own, to);
  const targets: Partial<Record<MatchTable, string | null>> = {};
  for (const { of, table } of await tablesOfEntity(services, entity)) {
    const loaded = await loadTable(tablePorts(services, 'curated'), table);
    if (loaded !== undefined) targets[of] = of === 'golden' ? to : snapshotAfter(loaded, standing);
  }
  return rollBackTo(services, { entity, lock, last }, targets);
}

/** Ids of the matches whose outcome a snapshot shows, newest first. */
function runsBehind(table: Table, to: string): readonly string[] {
  const line = ancestors(table, snapshotById(table, to)['snapshot-id']);
  return line.flatMap(({ summary }) => matchOf(summary) ?? []);
}

/** Made by commands of people, not by matches. */
const BY_HAND = /^(compact|rollback)-/;

const matchOf = (summary: Readonly<Record<string, string | undefined>>): string | undefined => {
  const runId = summary[RUN_ID];
  return runId === undefined || BY_HAND.test(runId) ? undefined : runId;
};

/** A table that a match had nothing to change in has no snapshot of it: then that of the match before it stands. Run ids sort by time. */
function snapshotAfter(table: Table, standing: readonly string[]): string | null {
  const [oldest = ''] = [...standing].sort();
  const known = table.metadata.snapshots
    .flatMap((snapshot) => {
      const runId = matchOf(snapshot.summary);
      return runId !== undefined && (standing.includes(runId) || runId < oldest) ? [{ snapshot, runId }] : [];
    })
    .sort((a, b) => (a.runId < b.runId ? 1 : -1));
  const [newest] = known;
  if (newest !== undefined) return String(newest.snapshot['snapshot-id']);
  const first = ancestors(table).at(-1);
  if (standing.length === 0 || first === undefined || first['parent-snapshot-id'] === undefined) return null;
  throw new TerminalError(
    `the snapshots of ${table.name.database}.${table.name.name} that belong to this match have expired; choose a newer one`,
    { fault: 'source' },
  );
}

/** What is inconsistent about an entity's tables. */
export async function diagnoseEntity(services: Services, entity: Entity): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const id = entityId(entity);
  const last = await lastRun(services, entity);
  if (last?.state === 'resolved')
    findings.push({
      what: `match ${last.runId} of ${id} is not published`,
      mend: `headgate match run ${id}`,
    });
  const back = `headgate rollback ${id} --to SNAPSHOT`;
  for (const { table } of await tablesOfEntity(services, entity)) {
    const called = `${table.database}.${table.name}`;
    const loaded = await loadTable(tablePorts(services, 'curated'), table);
    if (loaded === undefined) continue;
    for (const path of await missingFiles(tablePorts(services, 'curated'), loaded))
      findings.push({
        what: `data file ${path} of ${called} is gone`,
        mend: `restore it from your backup, or ${back}`,
      });
    for (const snapshot of ancestors(loaded)) {
      const runId = matchOf(snapshot.summary);
      const isOurs = BY_HAND.test(snapshot.summary[RUN_ID] ?? '');
      const known = isOurs || (runId !== undefined && (await isRun(services, id, runId)));
      if (!known)
        findings.push({
          what: `snapshot ${snapshot['snapshot-id']} of ${called} was made by no match of the ledger`,
          mend: `look at it, then ${back}`,
        });
    }
  }
  return findings;
}

const isRun = async ({ ledger }: Services, entity: string, runId: string): Promise<boolean> =>
  (await ledger.get(partitions.matchRuns(entity), runId)) !== undefined;
