import { datasetId } from '../contract/dataset.ts';
import type { FileCounts, FileEntry, RunEntry } from '../ledger/entries.ts';
import { changeFiles, introduceFile } from '../ledger/files.ts';
import { holds, type Lock } from '../ledger/locks.ts';
import { lossWrites, replayWrites } from '../ledger/replays.ts';
import type { OutputName, Plan, RunResult } from '../plan/plan.ts';
import { type LedgerWrite, MAX_LEDGER_WRITES } from '../ports/ledger.ts';
import { resultsOf } from '../quality/results.ts';
import { commit } from '../table/commit.ts';
import { loadTable, requireSnapshot } from '../table/table.ts';
import { plannedFiles, replayOfRun } from './batch.ts';
import { runContext, tablePorts } from './context.ts';
import { loadDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import { noticesOfPublished } from './notices.ts';
import type { Services } from './services.ts';

/** DESIGN section 12: side rooms first, the table that readers trust last, then the ledger. */
const ORDER: readonly OutputName[] = ['quarantine', 'vault', 'raw', 'earlier', 'curated'];

/** Commits the run's files. Every commit is idempotent by run id, so that a publish that died is repeated from its start. */
export async function publish(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  // Its answer was lost: what stands in the table by now is its own snapshot.
  if (run.state === 'published') return message;
  const { results } = services.stores;
  const plan = await loadDocument(results, message.dataset, run.runId, 'plan');
  const result = await loadDocument(results, message.dataset, run.runId, 'result');
  if (run.state !== 'publishing') await requireBase(services, plan);
  await save({ state: 'publishing' });
  const snapshots = await commitOutputs(services, plan, result);
  const replay = await replayOfRun(services, run);
  // Only a replay judges anew what the ledger knows.
  const judged = replay === undefined ? [] : await plannedFiles(services, run, plan);
  const files = await recordOutcome(services, { run, lock, plan, result, judged });
  const closing = replay === undefined ? [] : replayWrites({ ...replay, state: 'done', runId: run.runId });
  // The batch is published even where its contract has gone meanwhile.
  const rules = services.datasets.find((each) => datasetId(each) === run.dataset)?.batchChecks ?? [];
  const checks = resultsOf(plan, rules, result);
  const outcome = { state: 'published', snapshots, counts: total(files), checks } as const;
  await save(outcome, [...closing, ...noticesOfPublished({ ...run, ...outcome })]);
  return message;
}

/** Before the side rooms are written: a run that another writer has overtaken leaves no trace there. */
async function requireBase(services: Services, plan: Plan): Promise<void> {
  if (!isBound(plan) || plan.target === undefined) return;
  const table = await loadTable(tablePorts(services, 'curated'), plan.target.table);
  if (table !== undefined) requireSnapshot(table, plan.target.snapshot);
}

async function commitOutputs(
  services: Services,
  plan: Plan,
  result: RunResult,
): Promise<Readonly<Record<string, string>>> {
  const snapshots: Record<string, string> = {};
  for (const name of ORDER) {
    const planned = plan.outputs.find((output) => output.name === name);
    const written = result.outputs.find((output) => output.name === name);
    if (planned === undefined || written === undefined) continue;
    // The curated table gets a snapshot of every run: a rollback tells by them which runs it takes back.
    if (name !== 'curated' && written.files.length === 0 && written.removes.length === 0) continue;
    const base = name === 'curated' && isBound(plan) ? plan.target : undefined;
    const done = await commit(tablePorts(services, name), planned.table, {
      runId: plan.runId,
      add: written.files,
      remove: written.removes,
      kept: written.kept,
      onto: base === undefined ? 'retry' : { snapshot: base.snapshot },
    });
    snapshots[`${planned.table.database}.${planned.table.name}`] = done.snapshot;
  }
  return snapshots;
}

/** The plan compared the batch with the table, or takes rows out of it: its outcome is right for that snapshot only. */
const isBound = (plan: Plan): boolean =>
  plan.outputs.some(({ name, removes }) => name === 'curated' && removes !== undefined) ||
  plan.steps.some(({ name }) => ['batch_losers', 'violations', 'versions'].includes(name));

interface Outcome {
  readonly run: RunEntry;
  readonly lock: Lock;
  readonly plan: Plan;
  readonly result: RunResult;
  readonly judged: readonly FileEntry[];
}

/** What became of every file of the run, and of those whose place they took. */
async function recordOutcome(
  services: Services,
  { run, lock, plan, result, judged }: Outcome,
): Promise<readonly FileEntry[]> {
  const { ledger } = services;
  const guard = [holds(lock)];
  const planned = new Map(judged.map((file) => [file.fileId, file]));
  await inPortions(lossWrites(run, result.losses), (writes) => ledger.transact([...guard, ...writes]));
  for (const file of planned.values())
    if (file.supersedes !== undefined) await introduceFile(ledger, file, guard);
  const published = await changeFiles(
    ledger,
    run.dataset,
    run.files,
    (file) =>
      file.state === 'published' && file.runId === run.runId
        ? undefined
        : publishedFile(file, planned.get(file.fileId) ?? file, plan, result),
    guard,
  );
  for (const { fileId, supersedes } of planned.values()) {
    if (supersedes === undefined) continue;
    const successor = { dataset: run.dataset, fileId };
    await changeFiles(
      ledger,
      supersedes.dataset,
      [supersedes.fileId],
      (file) => (file.state === 'superseded' ? undefined : supersededFile(file, successor, run.runId)),
      guard,
    );
  }
  return published;
}

async function inPortions(
  writes: readonly LedgerWrite[],
  act: (portion: readonly LedgerWrite[]) => Promise<unknown>,
): Promise<void> {
  const size = MAX_LEDGER_WRITES - 1;
  for (let from = 0; from < writes.length; from += size) await act(writes.slice(from, from + size));
}

/** The file as a run has published it. */
export function publishedFile(
  now: FileEntry,
  planned: FileEntry,
  { contractVersion }: Plan,
  result: RunResult,
): FileEntry {
  const tally = result.tallies.find(({ fileId }) => fileId === now.fileId);
  const { published = 0, quarantined = 0, deduplicated = 0, checks = {} } = tally ?? {};
  return {
    ...planned,
    state: 'published',
    reasons: [],
    contractVersion,
    runId: result.runId,
    publishedBy: [...new Set([...(now.publishedBy ?? []), result.runId])],
    counts: { received: planned.counts.received, published, quarantined, deduplicated },
    checks,
  };
}

/** All its rows are held to be newer in the file that took its place (`row.superseded`). */
export const supersededFile = (
  file: FileEntry,
  supersededBy: { readonly dataset: string; readonly fileId: string },
  runId: string,
): FileEntry => {
  const { received } = file.counts;
  return {
    ...file,
    state: 'superseded',
    supersededBy,
    runId,
    counts: { received, published: 0, quarantined: 0, deduplicated: received },
  };
};

function total(files: readonly FileEntry[]): FileCounts {
  const sum = (count: keyof FileCounts) => files.reduce((all, { counts }) => all + counts[count], 0);
  return {
    received: sum('received'),
    published: sum('published'),
    quarantined: sum('quarantined'),
    deduplicated: sum('deduplicated'),
  };
}
