import type { FileEntry } from '../ledger/entries.ts';
import { filesOf, updateFiles } from '../ledger/files.ts';
import { holds } from '../ledger/locks.ts';
import type { OutputName, Plan, RunResult } from '../plan/plan.ts';
import { commit } from '../table/commit.ts';
import { runContext, tablePorts } from './context.ts';
import { loadDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** DESIGN section 12: side rooms first, the table that readers trust last, then the ledger. */
const ORDER: readonly OutputName[] = ['quarantine', 'vault', 'raw', 'curated'];

/** Commits the run's files. Every commit is idempotent by run id, so that a publish that died is repeated from its start. */
export async function publish(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const { results } = services.stores;
  const plan = await loadDocument(results, message.dataset, run.runId, 'plan');
  const result = await loadDocument(results, message.dataset, run.runId, 'result');
  await save({ state: 'publishing' });
  const snapshots = await commitOutputs(services, plan, result);
  const files = await filesOf(services.ledger, message.dataset, run.files);
  const published = files.map((file) => publishedFile(file, result));
  await updateFiles(services.ledger, published, [holds(lock)]);
  const sum = (count: 'received' | 'published' | 'quarantined' | 'deduplicated') =>
    published.reduce((total, { counts }) => total + counts[count], 0);
  const counts = {
    received: sum('received'),
    published: sum('published'),
    quarantined: sum('quarantined'),
    deduplicated: sum('deduplicated'),
  };
  await save({ state: 'published', snapshots, counts });
  return message;
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
    if (written.files.length === 0 && written.removes.length === 0) continue;
    const replaces = planned.removes !== undefined || needsTarget(plan);
    const done = await commit(tablePorts(services, name), planned.table, {
      runId: plan.runId,
      add: written.files,
      remove: written.removes,
      kept: written.kept,
      onto: name === 'curated' && replaces ? { snapshot: plan.target?.snapshot ?? null } : 'retry',
    });
    snapshots[`${planned.table.database}.${planned.table.name}`] = done.snapshot;
  }
  return snapshots;
}

/** The plan compared the batch with the table: its outcome is right for that snapshot only. */
const needsTarget = (plan: Plan): boolean =>
  plan.steps.some(({ name }) => name === 'batch_losers' || name === 'violations');

function publishedFile(file: FileEntry, result: RunResult): FileEntry {
  const tally = result.tallies.find(({ fileId }) => fileId === file.fileId);
  const { published = 0, quarantined = 0, deduplicated = 0, checks = {} } = tally ?? {};
  return {
    ...file,
    state: 'published',
    runId: result.runId,
    counts: { received: file.counts.received, published, quarantined, deduplicated },
    checks,
  };
}
