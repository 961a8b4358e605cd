import { quarantineNotice, refused } from '../intake/take-in.ts';
import type { FileEntry, Reason } from '../ledger/entries.ts';
import { filesOf, updateFiles } from '../ledger/files.ts';
import { holds, release } from '../ledger/locks.ts';
import { runContext } from './context.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** Tells that a run has been published and gives the lock free for the next round. */
export async function announce(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock } = await runContext(services, message);
  await release(services.ledger, lock);
  await services.notifier.notify({
    kind: 'run.published',
    dataset: message.dataset,
    title: `${message.dataset}: run ${run.runId} published`,
    facts: { run: run.runId, files: run.files.length, ...run.counts },
    ...(run.counts !== undefined && run.counts.quarantined > 0
      ? { next: `headgate quarantine list --dataset ${message.dataset}` }
      : {}),
  });
  return { dataset: message.dataset };
}

/** The batch waits for a person; files that come after it do not. */
export async function hold(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const files = await filesOf(services.ledger, message.dataset, run.files);
  const waiting = files.map(
    (file): FileEntry => ({ ...file, state: 'held', runId: run.runId, reasons: run.reasons }),
  );
  await updateFiles(services.ledger, waiting, [holds(lock)]);
  await save({ state: 'held' });
  await release(services.ledger, lock);
  await services.notifier.notify({
    kind: 'run.held',
    dataset: message.dataset,
    title: `${message.dataset}: run ${run.runId} is held`,
    facts: {
      run: run.runId,
      files: run.files.length,
      reason: run.reasons.map((reason) => reason.message).join('; '),
    },
    next: `headgate hold release ${run.runId}   or   headgate hold reject ${run.runId}`,
  });
  return keepLimit(message);
}

/** Takes the files out that Verify named; where only the engine's failure is known the batch is halved until one file is alone. */
export async function isolate(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const named = message.isolate ?? (run.files.length === 1 ? [poison(run.files[0] ?? '')] : []);
  const files = await filesOf(
    services.ledger,
    message.dataset,
    named.map(({ fileId }) => fileId),
  );
  const out = files.map((file): FileEntry => {
    const { code, message: why } = named.find(({ fileId }) => fileId === file.fileId) ?? poison(file.fileId);
    return { ...refused(file, code, why), runId: run.runId };
  });
  await updateFiles(services.ledger, out, [holds(lock)]);
  const reasons: Reason[] = [
    { code: 'run.isolated', message: `${named.length} of ${run.files.length} files taken out of the batch` },
  ];
  await save({ state: 'failed', reasons });
  await release(services.ledger, lock);
  for (const file of out) await services.notifier.notify(quarantineNotice(file));
  if (named.length > 0) return { dataset: message.dataset };
  return { dataset: message.dataset, limit: Math.ceil(run.files.length / 2) };
}

const poison = (fileId: string) => ({
  fileId,
  code: 'file.poison',
  message: 'the engine can’t process this file, even alone; report it with the file',
});

/** The table moved on while the run worked: the next run plans again. */
export async function abandon(services: Services, message: RunMessage): Promise<Message> {
  const { lock, save } = await runContext(services, message);
  await save({ state: 'failed', reasons: [reasonOf(message)] });
  await release(services.ledger, lock);
  return keepLimit(message);
}

/** Gives the lock free and tells; the files wait in the ledger for the next run. */
export async function fail(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const reason = reasonOf(message);
  await save({ state: 'failed', reasons: [...run.reasons, reason] });
  await release(services.ledger, lock);
  await services.notifier.notify({
    kind: 'run.failed',
    dataset: message.dataset,
    title: `${message.dataset}: run ${run.runId} failed`,
    facts: { run: run.runId, files: run.files.length, reason: reason.message },
    next: `headgate runs show ${run.runId}`,
  });
  return { dataset: message.dataset };
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
