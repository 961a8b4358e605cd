import { createHash } from 'node:crypto';
import type { FileEntry, RunEntry } from '../ledger/entries.ts';
import { pendingFiles } from '../ledger/files.ts';
import { acquire, holds, type Lock, release } from '../ledger/locks.ts';
import { openRuns, saveRun } from '../ledger/runs.ts';
import { hasResult } from './documents.ts';
import type { Message } from './message.ts';
import type { Services } from './services.ts';

export interface ClaimInput {
  readonly message: Message;
  /** Id of the execution, which owns the lock. */
  readonly execution: string;
}

/**
 * Takes the dataset's lock and its pending files up to the limits. A run that died after its result was stored is taken up
 * where it stopped; one that died before is given up, its files are still pending.
 */
export async function claim(services: Services, { message, execution }: ClaimInput): Promise<Message> {
  const { dataset } = message;
  const runId = newRunId(services);
  const lock = await acquire(services, { dataset, runId, owner: execution });
  const limit = message.limit === undefined ? {} : { limit: message.limit };
  if (lock === undefined) return { dataset, next: 'done' };
  const unfinished = await takeUp(services, dataset, lock);
  if (unfinished !== undefined)
    return { dataset, ...limit, runId: unfinished, epoch: lock.epoch, next: 'verify' };
  const files = await batchOf(services, message);
  if (files.length === 0) {
    await release(services.ledger, lock);
    return { dataset, next: 'done' };
  }
  const now = services.clock.now().toISOString();
  const run: RunEntry = {
    runId,
    dataset,
    state: 'claimed',
    files: files.map(({ fileId }) => fileId),
    startedAt: now,
    updatedAt: now,
    reasons: [],
  };
  await saveRun(services.ledger, run, [holds(lock)]);
  return { dataset, ...limit, runId, epoch: lock.epoch, next: 'plan' };
}

/** Sorts by time. */
const newRunId = ({ clock, newId }: Services): string => {
  const unique = createHash('sha256').update(newId()).digest('hex').slice(0, 6);
  return `${clock.now().toISOString().replaceAll(/[-:.]/g, '')}-${unique}`;
};

async function takeUp(
  { ledger, stores, clock }: Services,
  dataset: string,
  lock: Lock,
): Promise<string | undefined> {
  for (const run of await openRuns(ledger, dataset)) {
    const resumable = run.state === 'executed' || run.state === 'publishing';
    if (resumable && (await hasResult(stores.results, dataset, run.runId))) return run.runId;
    const reason = {
      code: 'run.abandoned',
      message: 'the process that worked on it ended; its files are taken by the next run',
    };
    await saveRun(
      ledger,
      { ...run, state: 'failed', reasons: [...run.reasons, reason], updatedAt: clock.now().toISOString() },
      [holds(lock)],
    );
  }
  return undefined;
}

async function batchOf(
  { ledger, limits }: Services,
  { dataset, limit }: Message,
): Promise<readonly FileEntry[]> {
  const pending = await pendingFiles(ledger, dataset, Math.min(limits.files, limit ?? limits.files));
  const batch: FileEntry[] = [];
  let bytes = 0;
  for (const file of pending) {
    if (batch.length > 0 && bytes + file.bytes > limits.bytes) break;
    bytes += file.bytes;
    batch.push(file);
  }
  return batch;
}
