import type { Reason, RunEntry } from '../ledger/entries.ts';
import { changeFiles, content } from '../ledger/files.ts';
import { holds, release } from '../ledger/locks.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import { replayWrites } from '../ledger/replays.ts';
import type { LedgerWrite } from '../ports/ledger.ts';
import { replayOfRun } from './batch.ts';
import { runContext } from './context.ts';
import type { Message, RunMessage } from './message.ts';
import { failedNotice, heldNotice } from './notices.ts';
import { committedOf, undoSides } from './rollback.ts';
import type { Services } from './services.ts';

/** Gives the lock free for the next round and tells that a run has been published, which Publish has written down. */
export async function announce(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock } = await runContext(services, message);
  await release(services.ledger, lock);
  for (const kind of ['run.published', 'run.unusual'] as const)
    await tell(services, noticeId({ kind }, run.runId));
  return { dataset: message.dataset };
}

/** The batch waits for a person; files that come after it do not. Of a replay nothing but the wish is held: its files stand as they were. */
export async function hold(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const replay = await replayOfRun(services, run);
  const notice = heldNotice(run);
  if (replay === undefined) {
    await changeFiles(
      services.ledger,
      message.dataset,
      run.files,
      (file) =>
        file.state === 'admitted'
          ? { ...file, state: 'held', runId: run.runId, reasons: reasonsOf(run, file.fileId) }
          : undefined,
      [holds(lock)],
    );
    await save({ state: 'held' }, [due(notice, run.runId)]);
  } else {
    const held = replayWrites({ ...replay, state: 'held', runId: run.runId });
    await save({ state: 'held' }, [...held, due(notice, run.runId)]);
  }
  await release(services.ledger, lock);
  await tell(services, noticeId(notice, run.runId));
  return keepLimit(message);
}

/** Why a file is held: what was found about it, or about all of its run. */
function reasonsOf({ runId, reasons }: RunEntry, fileId: string): readonly Reason[] {
  const own = reasons.filter(({ files }) => files === undefined || files.includes(fileId));
  if (own.length > 0) return own.map(({ code, message }) => ({ code, message }));
  const message = `nothing is wrong with this file, others of its batch are held: headgate hold show ${runId}`;
  return [{ code: 'batch.held', message }];
}

/**
 * The table moved on while the run worked: the next run plans again, and finds nothing that this one has begun to publish. Where the table has its
 * rows already and the ledger was in the way, the publication is finished instead.
 */
export async function abandon(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const committed = run.state === 'publishing' ? await committedOf(services, run) : {};
  const stands = committed.curated !== undefined;
  if (!stands) await undoSides(services, run, committed);
  await save({ state: stands ? 'publishing' : 'failed', reasons: [reasonOf(message)] });
  await release(services.ledger, lock);
  return keepLimit(message);
}

/**
 * Gives the lock free and tells. The files wait in the ledger for the next run, which finishes a publication that has begun; a replay that
 * can't succeed is closed and has changed nothing.
 */
export async function fail(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const reason = reasonOf(message);
  const begun = run.state === 'publishing' && !(await canBeGivenUp(services, run, message));
  const closing = isTerminal(message) && !begun ? await refusedReplay(services, run, reason) : [];
  const notice = failedNotice(run, reason, begun);
  await save({ state: begun ? 'publishing' : 'failed', reasons: [...run.reasons, reason] }, [
    ...closing,
    due(notice, run.runId),
  ]);
  await release(services.ledger, lock);
  await tell(services, noticeId(notice, run.runId));
  return { dataset: message.dataset };
}

const isTerminal = ({ error }: Message): boolean =>
  error?.Error === 'TerminalError' || error?.Error === 'PoisonError';

/** A publication that can't succeed and has committed nothing. */
async function canBeGivenUp(services: Services, run: RunEntry, message: Message): Promise<boolean> {
  return isTerminal(message) && Object.keys(await committedOf(services, run)).length === 0;
}

async function refusedReplay(
  services: Services,
  run: RunEntry,
  reason: Reason,
): Promise<readonly LedgerWrite[]> {
  const replay = await replayOfRun(services, run);
  if (replay === undefined) return [];
  const refused = {
    ...replay,
    state: 'refused',
    runId: run.runId,
    reasons: [...replay.reasons, reason],
  } as const;
  const entries = replay.files.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  // The same bytes may be handed in again once the contract is another one.
  return [...replayWrites(refused), ...entries.map((entry) => content({ ...entry, state: 'quarantined' }))];
}

const reasonOf = ({ error }: Message): Reason => ({
  code: `run.${error?.Error ?? 'failed'}`,
  message: error?.Cause === undefined ? 'no cause was given' : messageOf(error.Cause),
});

/** Of a Lambda's failure the cause is a JSON document with `errorMessage` and a stack; the interpreter gives the message itself. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { readonly errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : cause;
  } catch {
    return cause;
  }
}

const keepLimit = ({ dataset, limit }: Message): Message => ({
  dataset,
  ...(limit === undefined ? {} : { limit }),
});
