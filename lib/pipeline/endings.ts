import { refused } from '../intake/judge.ts';
import { quarantineNotice } from '../intake/take-in.ts';
import type { FileEntry, Reason, RunEntry } from '../ledger/entries.ts';
import { changeFiles, content, filesOf } from '../ledger/files.ts';
import { holds, release } from '../ledger/locks.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import { replayWrites } from '../ledger/replays.ts';
import type { LedgerWrite } from '../ports/ledger.ts';
import type { Notice } from '../ports/notifier.ts';
import { replayOfRun } from './batch.ts';
import { runContext } from './context.ts';
import type { Message, RunMessage } from './message.ts';
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

const publishedNotice = ({ dataset, runId, files, counts }: RunEntry): Notice => ({
  kind: 'run.published',
  dataset,
  title: `${dataset}: run ${runId} published`,
  facts: { run: runId, files: files.length, ...counts },
  ...(counts !== undefined && counts.quarantined > 0
    ? { next: `headgate quarantine list --dataset ${dataset}` }
    : {}),
});

/** What people are told of a published run: that it is, and what is unusual about it. */
export const noticesOf = (run: RunEntry): readonly LedgerWrite[] => {
  const unusual = run.reasons.filter(({ code }) => code === 'batch.volume');
  const { dataset, runId } = run;
  return [
    due(publishedNotice(run), runId),
    ...(unusual.length === 0
      ? []
      : [
          due(
            {
              kind: 'run.unusual',
              dataset,
              title: `${dataset}: run ${runId} is unusual`,
              facts: { run: runId, reason: unusual.map(({ message }) => message).join('; ') },
              next: `headgate runs show ${runId}`,
            },
            runId,
          ),
        ]),
  ];
};

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
          ? { ...file, state: 'held', runId: run.runId, reasons: run.reasons }
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

const heldNotice = ({ dataset, runId, files, reasons }: RunEntry): Notice => ({
  kind: 'run.held',
  dataset,
  title: `${dataset}: run ${runId} is held`,
  facts: { run: runId, files: files.length, reason: reasons.map((reason) => reason.message).join('; ') },
  next: `headgate hold release ${runId}   or   headgate hold reject ${runId}`,
});

/** Each portion is one transaction with its notices: `MAX_LEDGER_WRITES` holds four writes of each file. */
const ISOLATED_AT_ONCE = 20;

/**
 * Takes the files out that Verify named; where only the engine's failure is known the batch is halved until one file is alone. A replay
 * takes all its files or none: it is closed, and nothing has changed.
 */
export async function isolate(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const named = message.isolate ?? (run.files.length === 1 ? [poison(run.files[0] ?? '')] : []);
  if (run.replay !== undefined) return isolateReplay(services, message, named);
  const refusals = await withSets(services, run, named);
  const isolated = (file: FileEntry): FileEntry | undefined => {
    const refusal: Refusal = refusals.get(file.fileId) ?? poison(file.fileId);
    const { code, message: why, refusedFor } = refusal;
    if (file.state !== 'admitted') return undefined;
    return {
      ...refused(file, code, why),
      runId: run.runId,
      ...(refusedFor === undefined ? {} : { refusedFor }),
    };
  };
  const all = [...refusals.keys()];
  const out: FileEntry[] = [];
  for (let from = 0; from < all.length; from += ISOLATED_AT_ONCE) {
    const ids = all.slice(from, from + ISOLATED_AT_ONCE);
    const files = await filesOf(services.ledger, message.dataset, ids);
    const notices = files.flatMap((file) => {
      const after = isolated(file);
      return after === undefined || after.refusedFor !== undefined
        ? []
        : [due(quarantineNotice(after), after.fileId)];
    });
    out.push(
      ...(await changeFiles(services.ledger, message.dataset, ids, isolated, [holds(lock), ...notices])),
    );
  }
  const reasons: Reason[] = [
    { code: 'run.isolated', message: `${out.length} of ${run.files.length} files taken out of the batch` },
  ];
  await save({ state: 'failed', reasons });
  await release(services.ledger, lock);
  for (const { fileId } of out) await tell(services, noticeId({ kind: 'file.quarantined' }, fileId));
  if (out.length > 0) return { dataset: message.dataset };
  return { dataset: message.dataset, limit: Math.ceil(run.files.length / 2) };
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  /** The file of the same set on account of which it is refused. */
  readonly refusedFor?: string;
}

/**
 * Files of a set go out of the batch together: those that were named by their reason, the others for them. A set that is alone and that the
 * engine can't process is refused whole, for nobody knows which of its files it is: each comes back with the next version of any.
 */
async function withSets(
  { ledger }: Services,
  run: RunEntry,
  named: readonly (Refusal & { readonly fileId: string })[],
): Promise<ReadonlyMap<string, Refusal>> {
  const refusals = new Map<string, Refusal>(named.map((each) => [each.fileId, each]));
  const files = await filesOf(ledger, run.dataset, run.files);
  if (files.every(({ set }) => set === undefined)) return refusals;
  const [first] = files;
  if (named.length === 0 && files.every(({ set }) => set !== undefined && set === first?.set)) {
    const message = `the engine can’t process a file of the set ${first?.set}; send the set's files corrected, or report it`;
    return new Map(run.files.map((fileId) => [fileId, { code: 'file.poison', message, refusedFor: fileId }]));
  }
  for (const { fileId } of named) {
    const culprit = files.find((file) => file.fileId === fileId);
    const message = `${culprit?.key} of the same set is refused; send it corrected, then the set is taken in whole`;
    for (const file of files)
      if (file.set !== undefined && file.set === culprit?.set && !refusals.has(file.fileId))
        refusals.set(file.fileId, { code: 'file.set_refused', message, refusedFor: fileId });
  }
  return refusals;
}

async function isolateReplay(
  services: Services,
  message: RunMessage,
  named: readonly { readonly fileId: string; readonly code: string; readonly message: string }[],
): Promise<Message> {
  const why = named.map(({ fileId, code, message: text }) => `${fileId}: ${code}: ${text}`).join('; ');
  const text = why === '' ? 'the engine can’t process one of the files; replay them apart' : why;
  await fail(services, { ...message, error: { Error: 'TerminalError', Cause: text } });
  return { dataset: message.dataset };
}

const poison = (fileId: string) => ({
  fileId,
  code: 'file.poison',
  message: 'the engine can’t process this file, even alone; report it with the file',
});

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
  const notice: Notice = {
    kind: 'run.failed',
    dataset: message.dataset,
    title: `${message.dataset}: run ${run.runId} failed`,
    facts: { run: run.runId, files: run.files.length, reason: reason.message },
    next: begun ? 'headgate run' : `headgate runs show ${run.runId}`,
  };
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
