import { type Dataset, datasetId } from '../contract/dataset.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import type { FileEntry, RunEntry } from '../ledger/entries.ts';
import { filesOf, pendingFiles } from '../ledger/files.ts';
import { acquire, holds, type Lock, release } from '../ledger/locks.ts';
import { nextReplay } from '../ledger/replays.ts';
import { openRuns, saveRun } from '../ledger/runs.ts';
import type { Ledger } from '../ports/ledger.ts';
import {
  hasSets,
  isActionable,
  openSetsOf,
  pendingPointers,
  type SetDataset,
  settleSets,
} from '../sets/sets.ts';
import { newRunId } from './context.ts';
import { hasResult } from './documents.ts';
import { finishDecision } from './holds.ts';
import type { Message } from './message.ts';
import { reachOf } from './replays.ts';
import { finishRollback } from './rollback.ts';
import type { Services } from './services.ts';

export interface ClaimInput {
  readonly message: Message;
  /** Id of the execution, which owns the lock. */
  readonly execution: string;
}

/**
 * Takes the dataset's lock and, in this order: a run that died after its result was stored, which is taken up where it stopped; a
 * replay that waits; the pending files up to the limits. A run that died earlier is given up, its files are still pending. An execution that
 * has had its rounds takes nothing more: it hands over to another, which looks for itself.
 */
export async function claim(services: Services, { message, execution }: ClaimInput): Promise<Message> {
  const { dataset } = message;
  const done = { dataset, next: 'done' } as const;
  const limit = message.limit === undefined ? {} : { limit: message.limit };
  const rounds = (message.rounds ?? 0) + 1;
  if (rounds > services.limits.rounds) return { dataset, ...limit, next: 'handOver' };
  for (;;) {
    const runId = newRunId(services);
    const lock = await acquire(services, { dataset, runId, owner: execution });
    if (lock === undefined) return done;
    const unfinished = await takeUp(services, dataset, lock);
    if (unfinished !== undefined)
      return { dataset, ...limit, rounds, runId: unfinished.runId, epoch: lock.epoch, next: unfinished.next };
    const described = services.datasets.find((each) => datasetId(each) === dataset);
    if (hasSets(described)) await settleSets(services, described, [holds(lock)]);
    const batch = await nextBatch(services, message);
    if (batch !== undefined) {
      const now = services.clock.now().toISOString();
      const run: RunEntry = {
        runId,
        dataset,
        state: 'claimed',
        ...batch,
        startedAt: now,
        updatedAt: now,
        reasons: [],
      };
      await saveRun(services.ledger, run, [holds(lock)]);
      return { dataset, ...limit, rounds, runId, epoch: lock.epoch, next: 'plan' };
    }
    await release(services.ledger, lock);
    // What came between the last look and the release found the lock taken and went away: it is seen now.
    if ((await nextBatch(services, message)) === undefined && !(await hasUnsettled(services, described)))
      return done;
  }
}

interface Unfinished {
  readonly runId: string;
  readonly next: 'verify' | 'publish';
}

async function takeUp(services: Services, dataset: string, lock: Lock): Promise<Unfinished | undefined> {
  const { ledger, stores, clock } = services;
  for (const run of await openRuns(ledger, dataset)) {
    if (run.state === 'releasing' || run.state === 'rejecting') {
      await finishDecision(services, run);
      continue;
    }
    if (run.rollback !== undefined) {
      await finishRollback(services, run, lock);
      continue;
    }
    // What has begun to be published was verified: only publishing it to its end keeps the tables and the ledger equal.
    if (run.state === 'publishing') return { runId: run.runId, next: 'publish' };
    if (run.state === 'executed' && (await hasResult(stores.results, dataset, run.runId)))
      return { runId: run.runId, next: 'verify' };
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

async function nextBatch(
  services: Services,
  message: Message,
): Promise<Pick<RunEntry, 'files' | 'replay' | 'withdraws'> | undefined> {
  const replay = await nextReplay(services.ledger, message.dataset);
  if (replay !== undefined) {
    const { files, withdraws } = await reachOf(services, replay);
    return { files, replay: replay.id, withdraws };
  }
  const pending = await batchOf(services, message);
  return pending.length === 0 ? undefined : { files: pending.map(({ fileId }) => fileId) };
}

/** What waits and would go into the next run, within the limits. */
export async function batchOf(
  { ledger, limits, datasets }: Services,
  { dataset, limit }: Message,
): Promise<readonly FileEntry[]> {
  const most = Math.min(limits.files, limit ?? limits.files);
  const described = datasets.find((each) => datasetId(each) === dataset);
  const groups = hasSets(described)
    ? await groupsOf(ledger, described)
    : (await pendingFiles(ledger, dataset, most)).map((file) => [file]);
  const batch: FileEntry[] = [];
  let bytes = 0;
  for (const group of groups) {
    const more = group.reduce((sum, file) => sum + weightOf(file), 0);
    if (batch.length > 0 && (bytes + more > limits.bytes || batch.length + group.length > most)) break;
    bytes += more;
    batch.push(...group);
  }
  return batch;
}

/** Bytes that an engine has to find room for. */
export const weightOf = ({ bytes, profile }: FileEntry): number =>
  Math.max(bytes, (profile as FileProfile | null)?.plainBytes ?? 0);

/** What can't be taken apart: the members of a complete set, or a file without a set. */
async function groupsOf(ledger: Ledger, dataset: SetDataset): Promise<readonly (readonly FileEntry[])[]> {
  const id = datasetId(dataset);
  const single = (await pendingPointers(ledger, id)).flatMap(({ fileId, set }) =>
    set === undefined ? [[fileId]] : [],
  );
  const sets = (await openSetsOf(ledger, dataset)).flatMap(({ take }) => (take.length === 0 ? [] : [take]));
  const groups = [...single, ...sets].sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return Promise.all(groups.map((ids) => filesOf(ledger, id, ids)));
}

/** A member that came since may have decided the fate of its set. */
const hasUnsettled = async ({ ledger }: Services, dataset: Dataset | undefined): Promise<boolean> =>
  hasSets(dataset) && (await openSetsOf(ledger, dataset)).some(isActionable);
