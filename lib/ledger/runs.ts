import { ConflictError, TerminalError } from '../errors.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { FINAL_RUN_STATES, partitions, type RunEntry } from './entries.ts';

export async function runOf(ledger: Ledger, dataset: string, runId: string): Promise<RunEntry> {
  const item = await ledger.get<RunEntry>(partitions.runs(dataset), runId);
  if (item !== undefined) return item.body;
  throw new TerminalError(`the ledger has no run ${runId} of ${dataset}`, {
    fault: 'headgate',
    facts: { dataset, runId },
  });
}

/** Writes the run's new state while the guard (the lock) holds. @throws ConflictError when it does not */
export async function saveRun(ledger: Ledger, run: RunEntry, guard: readonly LedgerWrite[]): Promise<void> {
  const open = { partition: partitions.openRuns, sort: `${run.dataset}#${run.runId}` };
  const answer = await ledger.transact([
    ...guard,
    { kind: 'put', partition: partitions.runs(run.dataset), sort: run.runId, body: run },
    FINAL_RUN_STATES.includes(run.state)
      ? { kind: 'delete', ...open }
      : { kind: 'put', ...open, body: { dataset: run.dataset, runId: run.runId } },
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
  const items = await ledger.query<{ runId: string }>({
    partition: partitions.openRuns,
    prefix: `${dataset}#`,
  });
  return Promise.all(items.map(({ body }) => runOf(ledger, dataset, body.runId)));
}
