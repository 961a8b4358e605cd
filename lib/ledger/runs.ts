import { ConflictError, TerminalError } from '../errors.ts';
import type { Ledger, LedgerItem, LedgerWrite } from '../ports/ledger.ts';
import { runChanged } from './changes.ts';
import { FINAL_RUN_STATES, partitions, type RunEntry } from './entries.ts';
import { everything } from './everything.ts';

export const runOf = async (ledger: Ledger, dataset: string, runId: string): Promise<RunEntry> =>
  (await runItem(ledger, dataset, runId)).body;

/** @throws TerminalError where the ledger lacks it */
export async function runItem(ledger: Ledger, dataset: string, runId: string): Promise<LedgerItem<RunEntry>> {
  const item = await ledger.get<RunEntry>(partitions.runs(dataset), runId);
  if (item !== undefined) return item;
  throw new TerminalError(`the ledger has no run ${runId} of ${dataset}`, {
    fault: 'headgate',
    facts: { dataset, runId },
  });
}

/** Writes the run's new state, with whatever belongs to it in `guard`: the lock, other writes. @throws ConflictError when it does not */
export async function saveRun(
  ledger: Ledger,
  run: RunEntry,
  guard: readonly LedgerWrite[],
  ifVersion?: number,
): Promise<void> {
  const open = { partition: partitions.openRuns, sort: `${run.dataset}#${run.runId}` };
  const answer = await ledger.transact([
    ...guard,
    {
      kind: 'put',
      partition: partitions.runs(run.dataset),
      sort: run.runId,
      body: run,
      ...(ifVersion === undefined ? {} : { ifVersion }),
    },
    FINAL_RUN_STATES.includes(run.state)
      ? { kind: 'delete', ...open }
      : { kind: 'put', ...open, body: { dataset: run.dataset, runId: run.runId } },
    runChanged(run.dataset, run.runId),
  ]);
  if (answer === 'conflict') {
    throw new ConflictError(
      `run ${run.runId} lost the lock of ${run.dataset}; the run that holds it goes on`,
      { fault: 'headgate' },
    );
  }
}

/** Runs of a dataset that are not final, oldest first. */
export async function openRuns(ledger: Ledger, dataset: string): Promise<readonly RunEntry[]> {
  const items = everything<{ runId: string }>(ledger, {
    partition: partitions.openRuns,
    prefix: `${dataset}#`,
  });
  return Array.fromAsync(items, ({ body }) => runOf(ledger, dataset, body.runId));
}
