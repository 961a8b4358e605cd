import { ConflictError } from '../errors.ts';
import { type FileEntry, partitions, type RunEntry } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import { changeFiles, fileOf, filesOf } from '../ledger/files.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { openRuns, runItem, runOf, saveRun } from '../ledger/runs.ts';
import { type OutputName, type Plan, type RunResult, SIDE_OUTPUTS } from '../plan/plan.ts';
import { tableOf } from '../plan/tables.ts';
import { committedBy } from '../table/commit.ts';
import { rollback } from '../table/rollback.ts';
import { ancestors, RUN_ID } from '../table/snapshots.ts';
import { loadTable, snapshotText } from '../table/table.ts';
import { asPlanned } from './batch.ts';
import { datasetOf, newRunId, tablePorts } from './context.ts';
import { loadDocument } from './documents.ts';
import { publishedFile, supersededFile } from './publish.ts';
import type { Services } from './services.ts';

export interface RollbackOrder {
  readonly dataset: string;
  /** Snapshot of the curated table; null for the table before its first one. */
  readonly to: string | null;
  readonly by: string;
}

/**
 * Makes the dataset what it was at a snapshot: its curated table and the side tables, and the ledger with them, so that accounting
 * stays true. Files whose runs are taken back are `withdrawn` and can be replayed. Called while the lock is held; a rollback that dies is finished
 * by the next Claim.
 */
export async function rollBack(
  services: Services,
  lock: Lock,
  { dataset, to, by }: RollbackOrder,
): Promise<RunEntry> {
  if ((await openRuns(services.ledger, dataset)).length > 0) {
    throw new ConflictError(`a run of ${dataset} is not finished; headgate run finishes it, then roll back`, {
      fault: 'source',
    });
  }
  const now = services.clock.now().toISOString();
  const run: RunEntry = {
    runId: newRunId(services),
    dataset,
    state: 'publishing',
    files: [],
    rollback: { to },
    startedAt: now,
    updatedAt: now,
    reasons: [{ code: 'run.rollback', message: `rolled back to ${to ?? 'nothing'} by ${by}` }],
  };
  await saveRun(services.ledger, run, [holds(lock)]);
  return finishRollback(services, run, lock);
}

/** Every step finds what was done before: it may be repeated from its start. */
export async function finishRollback(services: Services, run: RunEntry, lock: Lock): Promise<RunEntry> {
  const { dataset, runId } = run;
  const to = run.rollback?.to ?? null;
  const curated = tableOf(datasetOf(services, dataset), 'curated');
  const { withdrawn, restored } = await rollback(tablePorts(services, 'curated'), curated, {
    toSnapshot: to,
    runId,
  });
  const loads = {
    withdrawn: to === null ? await everyLoad(services, run) : await loadsAmong(services, dataset, withdrawn),
    restored: await loadsAmong(services, dataset, restored),
  };
  for (const side of SIDE_OUTPUTS) await rollBackSide(services, run, side, loads);
  await markRuns(services, loads, lock);
  await markFiles(services, dataset, [...loads.withdrawn, ...loads.restored], lock);
  const done: RunEntry = {
    ...run,
    state: 'published',
    rollback: {
      to,
      withdrawn: loads.withdrawn.map((each) => each.runId),
      restored: loads.restored.map((each) => each.runId),
    },
    updatedAt: services.clock.now().toISOString(),
  };
  await saveRun(services.ledger, done, [holds(lock)]);
  return done;
}

interface Loads {
  readonly withdrawn: readonly RunEntry[];
  readonly restored: readonly RunEntry[];
}

/** Runs that loaded files; compactions and rollbacks have snapshots too. */
async function loadsAmong(
  { ledger }: Services,
  dataset: string,
  ids: readonly string[],
): Promise<readonly RunEntry[]> {
  const runs = await Promise.all(ids.map((id) => runOf(ledger, dataset, id).catch(() => undefined)));
  return runs.filter((run) => run !== undefined && run.files.length > 0) as readonly RunEntry[];
}

/** In the empty table nothing stands, also of runs whose snapshots have expired. A rollback that died has marked some of them already. */
async function everyLoad(
  { ledger }: Services,
  { dataset, startedAt }: RunEntry,
): Promise<readonly RunEntry[]> {
  const loads: RunEntry[] = [];
  for await (const { body } of everything<RunEntry>(ledger, { partition: partitions.runs(dataset) })) {
    const isMarked = body.state === 'withdrawn' && body.updatedAt >= startedAt;
    if (body.files.length > 0 && (body.state === 'published' || isMarked)) loads.push(body);
  }
  return loads;
}

/** Snapshots that a run has committed, by output. */
export type Committed = Readonly<Partial<Record<OutputName, string>>>;

export async function committedOf(services: Services, run: RunEntry): Promise<Committed> {
  const plan = await loadDocument(services.stores.results, run.dataset, run.runId, 'plan');
  const committed: Partial<Record<OutputName, string>> = {};
  for (const { name, table } of plan.outputs) {
    const snapshot = await committedBy(tablePorts(services, name), table, run.runId);
    if (snapshot !== undefined) committed[name] = snapshot;
  }
  return committed;
}

const SIDES = [...SIDE_OUTPUTS, 'vault'] as const;

/**
 * Takes back what a run has committed to the side tables before its commit to the curated one was refused: the run that follows it writes these
 * rows again. Doing it again changes nothing.
 */
export async function undoSides(services: Services, run: RunEntry, committed: Committed): Promise<void> {
  for (const side of SIDES) {
    if (committed[side] === undefined) continue;
    const undo = { ...run, runId: `undo-${committed[side]}` };
    await rollBackSide(services, undo, side, { withdrawn: [run], restored: [] });
  }
}

/** A side table goes to its newest snapshot that holds rows of standing runs only, and of all that are restored. */
async function rollBackSide(
  services: Services,
  { dataset, runId, rollback: order }: RunEntry,
  output: (typeof SIDES)[number],
  { withdrawn, restored }: Loads,
): Promise<void> {
  const ports = tablePorts(services, output);
  const name = tableOf(datasetOf(services, dataset), output);
  const table = await loadTable(ports, name);
  if (table === undefined) return;
  const gone = new Set(withdrawn.map((run) => run.runId));
  const back = new Set(restored.map((run) => run.runId));
  const stands = async (id: string): Promise<boolean> => {
    if (gone.has(id)) return false;
    if (back.has(id)) return true;
    const run = await runOf(services.ledger, dataset, id).catch(() => undefined);
    return run === undefined || run.state === 'published';
  };
  const known = table.metadata.snapshots.flatMap(({ summary }) => summary[RUN_ID] ?? []);
  const wanted = known.filter((id) => back.has(id));
  const byAge = [...table.metadata.snapshots].sort((a, b) => b['sequence-number'] - a['sequence-number']);
  // Of a snapshot whose forerunners have expired nobody knows all runs, and none stands in the empty table.
  for (const snapshot of order?.to === null ? [] : byAge) {
    const runs = ancestors(table, snapshot['snapshot-id']).flatMap(({ summary }) => summary[RUN_ID] ?? []);
    const fits =
      wanted.every((id) => runs.includes(id)) && (await Promise.all(runs.map(stands))).every(Boolean);
    if (!fits) continue;
    const id = String(snapshot['snapshot-id']);
    if (id !== snapshotText(table)) await rollback(ports, name, { toSnapshot: id, runId });
    return;
  }
  if (snapshotText(table) !== null) await rollback(ports, name, { toSnapshot: null, runId });
}

async function markRuns(
  { ledger, clock }: Services,
  { withdrawn, restored }: Loads,
  lock: Lock,
): Promise<void> {
  const updatedAt = clock.now().toISOString();
  for (const run of withdrawn)
    await saveRun(ledger, { ...run, state: 'withdrawn', updatedAt }, [holds(lock)]);
  for (const run of restored) await saveRun(ledger, { ...run, state: 'published', updatedAt }, [holds(lock)]);
}

/** Files as their last standing run left them. */
async function markFiles(
  services: Services,
  dataset: string,
  runs: readonly RunEntry[],
  lock: Lock,
): Promise<void> {
  const { ledger } = services;
  const asItStands = standing(services);
  const ids = new Set(runs.flatMap(({ files, withdraws = [] }) => [...files, ...withdraws]));
  const files = await filesOf(ledger, dataset, [...ids]);
  const states = new Map<string, FileEntry>();
  for (const file of files) {
    const next = await asItStands(file);
    await changeFiles(ledger, dataset, [file.fileId], () => next, [holds(lock)]);
    states.set(file.fileId, next);
  }
  // The files whose place they took, which may stand in another dataset: after all others, since they are often among these.
  for (const { fileId, supersedes } of files) {
    const old = supersedes && (await fileOf(ledger, supersedes.dataset, supersedes.fileId));
    const next = states.get(fileId);
    if (old === undefined || next === undefined) continue;
    const again =
      next.state === 'published'
        ? supersededFile(old, { dataset, fileId }, next.runId ?? '')
        : await asItStands(old);
    await changeFiles(ledger, old.dataset, [old.fileId], () => again, [holds(lock)]);
  }
}

/** Makes a file what its last standing run made of it. Files of one run share its documents. */
function standing(services: Services): (file: FileEntry) => Promise<FileEntry> {
  const outcomes = new Map<string, Promise<readonly [Plan, RunResult]>>();
  const outcomeOf = (dataset: string, runId: string): Promise<readonly [Plan, RunResult]> => {
    const { results } = services.stores;
    const known = outcomes.get(runId);
    if (known !== undefined) return known;
    const loaded = Promise.all([
      loadDocument(results, dataset, runId, 'plan'),
      loadDocument(results, dataset, runId, 'result'),
    ]);
    outcomes.set(runId, loaded);
    return loaded;
  };
  return async (file) => {
    const { supersededBy, ...rest } = file;
    if (supersededBy !== undefined) {
      const successor = await fileOf(services.ledger, supersededBy.dataset, supersededBy.fileId);
      const takesItsPlace =
        successor !== undefined && (await lastStanding(services, successor)) !== undefined;
      if (takesItsPlace) return supersededFile(file, supersededBy, file.runId ?? '');
    }
    const run = await lastStanding(services, file);
    const { received } = file.counts;
    if (run === undefined) {
      const refused = file.publishedBy === undefined && file.reasons.length > 0;
      const counts = { received, published: 0, quarantined: refused ? received : 0, deduplicated: 0 };
      return { ...rest, state: refused ? 'quarantined' : 'withdrawn', counts, checks: {} };
    }
    const [plan, result] = await outcomeOf(file.dataset, run.runId);
    const input = plan.inputs.find(({ fileId }) => fileId === file.fileId);
    return publishedFile(rest, input === undefined ? rest : asPlanned(rest, input, plan), plan, result);
  };
}

/** The run whose rows of the file stand in the table. */
async function lastStanding({ ledger }: Services, file: FileEntry): Promise<RunEntry | undefined> {
  for (const id of [...(file.publishedBy ?? [])].reverse()) {
    const { body } = await runItem(ledger, file.dataset, id);
    if (body.state === 'published') return body;
  }
  return undefined;
}
