import { refused } from '../intake/judge.ts';
import { quarantineNotice } from '../intake/take-in.ts';
import type { FileEntry, Reason, RunEntry } from '../ledger/entries.ts';
import { changeFiles, filesOf } from '../ledger/files.ts';
import { holds, release } from '../ledger/locks.ts';
import { due, noticeId, tell } from '../ledger/notices.ts';
import { runContext } from './context.ts';
import { fail } from './endings.ts';
import type { Isolated, Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

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
  named: readonly Isolated[],
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
