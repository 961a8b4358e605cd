import { createHash } from 'node:crypto';
import { type Dataset, datasetId } from '../contract/dataset.ts';
import { ConflictError, TerminalError } from '../errors.ts';
import { type RunEntry, stampOf } from '../ledger/entries.ts';
import { holds, type Lock, lockOf } from '../ledger/locks.ts';
import { runOf, saveRun } from '../ledger/runs.ts';
import type { OutputName } from '../plan/plan.ts';
import type { LedgerWrite } from '../ports/ledger.ts';
import type { TablePorts } from '../table/table.ts';
import type { RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** @throws TerminalError for a dataset that no contract describes */
export function datasetOf(services: Services, id: string): Dataset {
  const dataset = services.datasets.find((each) => datasetId(each) === id);
  if (dataset !== undefined) return dataset;
  const allowed = services.datasets.map(datasetId).join(', ');
  throw new TerminalError(`there is no dataset ${id}; allowed: ${allowed}`, {
    fault: 'contract',
    facts: { dataset: id },
  });
}

export const tablePorts = ({ catalog, clock, newId, stores }: Services, output: OutputName): TablePorts => ({
  catalog,
  clock,
  newId,
  store: output === 'vault' ? stores.vault : stores.lake,
});

export interface RunContext {
  readonly run: RunEntry;
  readonly lock: Lock;
  /** Writes the run's new state while the lock is still this run's. */
  readonly save: (change: Partial<RunEntry>, beside?: readonly LedgerWrite[]) => Promise<RunEntry>;
}

/** @throws ConflictError when another run holds the lock by now */
export async function runContext({ ledger, clock }: Services, message: RunMessage): Promise<RunContext> {
  const lock = await lockOf(ledger, message.dataset);
  if (lock === undefined || lock.epoch !== message.epoch) {
    throw new ConflictError(`run ${message.runId} no longer holds the lock of ${message.dataset}`, {
      fault: 'headgate',
    });
  }
  const run = await runOf(ledger, message.dataset, message.runId);
  return {
    run,
    lock,
    async save(change, beside = []) {
      const next = { ...run, ...change, updatedAt: clock.now().toISOString() };
      await saveRun(ledger, next, [holds(lock), ...beside]);
      return next;
    },
  };
}

/** Sorts by time, and behind `last`, where its order counts, although the clock has gone back since. */
export const newRunId = ({ clock, newId }: Pick<Services, 'clock' | 'newId'>, last?: string): string => {
  const unique = createHash('sha256').update(newId()).digest('hex').slice(0, 6);
  const id = `${stampOf(clock.now())}-${unique}`;
  return last === undefined || id > last ? id : `${stampOf(new Date(timeOf(last) + 1))}-${unique}`;
};

const timeOf = (runId: string): number =>
  Date.parse(runId.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z.*$/, '$1-$2-$3T$4:$5:$6.$7Z'));
