import { type Dataset, datasetId, type FileSet, replacesWhole } from '../contract/dataset.ts';
import { refused } from '../intake/judge.ts';
import { waitingForSet } from '../intake/take-in.ts';
import { isSettled, settle, settling } from '../ledger/alerts.ts';
import { type FileEntry, partitions } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import { changeFiles, filesOf, setKey } from '../ledger/files.ts';
import { noticeId, tell } from '../ledger/notices.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import { type SetChange, type SetVerdict, verdictOf } from './verdict.ts';

export type SetDataset = Dataset & { readonly fileSet: FileSet };

export const hasSets = (dataset: Dataset | undefined): dataset is SetDataset =>
  dataset?.fileSet !== undefined;

interface Pointer {
  readonly fileId: string;
  readonly set?: string;
}

/** Waiting files of a dataset, by id, with the sets that they belong to. */
export async function pendingPointers(ledger: Ledger, dataset: string): Promise<readonly Pointer[]> {
  return Array.fromAsync(
    everything<Pointer>(ledger, { partition: partitions.pending(dataset) }),
    ({ body }) => body,
  );
}

/** Verdicts on the sets of which something waits, or whose control file nobody has looked at. As many reads as these have files. */
export async function openSetsOf(ledger: Ledger, dataset: SetDataset): Promise<readonly SetVerdict[]> {
  const id = datasetId(dataset);
  const pending = await pendingPointers(ledger, id);
  const controls = await openControls(ledger, id);
  const sets = new Set([
    ...pending.flatMap(({ set }) => set ?? []),
    ...controls.map(({ body }) => body.set ?? ''),
  ]);
  const verdicts: SetVerdict[] = [];
  for (const set of [...sets].sort())
    verdicts.push(withoutNews(dataset, verdictOf(dataset.fileSet, set, await filesOfSet(ledger, id, set))));
  return verdicts;
}

/**
 * Where sets replace each other, a member can't change alone: the rows of the published set stand together. The newcomer is refused and says how
 * the change is made.
 */
function withoutNews(dataset: SetDataset, verdict: SetVerdict): SetVerdict {
  const { take, outdated, changes, set } = verdict;
  if (!replacesWhole(dataset) || take.length === 0 || outdated.length === 0) return verdict;
  const message = `the set ${set} is published, and sets replace each other whole; change the published file: headgate replay ${outdated[0]} --with PATH`;
  const refusals = take.map(
    (fileId): SetChange => ({ kind: 'refuse', fileId, code: 'file.set_refused', message }),
  );
  return { ...verdict, state: 'refused', take: [], changes: [...changes, ...refusals], lacks: message };
}

const openControls = (ledger: Ledger, dataset: string) =>
  Array.fromAsync(everything<Pointer>(ledger, { partition: partitions.openSets, prefix: `${dataset}#` }));

export async function filesOfSet(
  ledger: Ledger,
  dataset: string,
  set: string,
): Promise<readonly FileEntry[]> {
  const members = everything<Pointer>(ledger, {
    partition: partitions.members(dataset),
    prefix: `${setKey(set)}#`,
  });
  return filesOf(ledger, dataset, await Array.fromAsync(members, ({ body }) => body.fileId));
}

/** Whether the lock's holder would find something to do. */
export const isActionable = ({ take, changes }: SetVerdict): boolean => take.length + changes.length > 0;

/**
 * Writes what follows from the verdicts: refusals, replaced versions, members that come back. `guard` is checked in every write, so that only the
 * lock's holder decides. Repeating it changes nothing.
 */
export async function settleSets(
  ports: { readonly ledger: Ledger; readonly notifier: Notifier; readonly clock: Clock },
  dataset: SetDataset,
  guard: readonly LedgerWrite[],
): Promise<void> {
  const { ledger } = ports;
  const id = datasetId(dataset);
  const controls = await openControls(ledger, id);
  for (const verdict of await openSetsOf(ledger, dataset)) {
    const { changes } = verdict;
    const byId = new Map(changes.map((change) => [change.fileId, change]));
    const change = (ids: readonly string[], writes: readonly LedgerWrite[]) =>
      changeFiles(ledger, id, ids, (file) => changed(file, byId.get(file.fileId)), writes);
    const refusals = changes.filter((each) => each.kind === 'refuse');
    const others = changes.filter((each) => each.kind !== 'refuse');
    await change(
      others.map(({ fileId }) => fileId),
      guard,
    );
    const [first, ...rest] = refusals.map(({ fileId }) => fileId);
    if (first !== undefined) {
      const notice = refusalNotice(id, verdict.set, refusals);
      // The same files are refused once: whoever goes on after a crash finds the matter settled.
      const received = (await filesOfSet(ledger, id, verdict.set)).map(({ receivedAt }) => receivedAt);
      const matter = `set-refused#${id}#${setKey(verdict.set)}#${received.sort().at(-1)}`;
      const known = await isSettled(ports, matter);
      await change([first], known ? guard : [...guard, ...settling(ports, matter, notice)]);
      await change(rest, guard);
      await tell(ports, noticeId(notice, matter));
    }
    const seen = controls.find(({ body }) => body.set === verdict.set);
    if (seen !== undefined && verdict.state !== 'incomplete')
      await ledger.transact([
        ...guard,
        { kind: 'delete', partition: partitions.openSets, sort: seen.sort, ifVersion: seen.version },
      ]);
  }
}

type SetRefusal = Extract<SetChange, { readonly kind: 'refuse' }>;

const refusalNotice = (dataset: string, set: string, refusals: readonly SetRefusal[]): Notice => ({
  kind: 'file.quarantined',
  dataset,
  title: `${dataset}: ${refusals.length} files of the set ${set} were quarantined`,
  facts: {
    set,
    files: refusals.length,
    reason: [...new Set(refusals.map(({ message }) => message))].slice(0, 5).join('; '),
  },
  next: `headgate quarantine list --dataset ${dataset}`,
});

function changed(file: FileEntry, change: SetChange | undefined): FileEntry | undefined {
  switch (change?.kind) {
    case undefined:
      return undefined;
    case 'revive': {
      const { refusedFor: _refusedFor, supersededBy: _supersededBy, ...rest } = file;
      if (file.state === 'admitted') return undefined;
      const counts = { received: file.counts.received, published: 0, quarantined: 0, deduplicated: 0 };
      return waitingForSet({ ...rest, state: 'admitted', reasons: [], counts });
    }
    case 'replace': {
      if (file.state !== 'admitted') return undefined;
      const { received } = file.counts;
      const counts = { received, published: 0, quarantined: 0, deduplicated: received };
      const supersededBy = { dataset: file.dataset, fileId: change.by };
      return { ...file, state: 'superseded', supersededBy, reasons: [], counts };
    }
    case 'refuse':
      if (file.refusedFor === change.refusedFor && file.state === 'quarantined') return undefined;
      return {
        ...refused({ ...file, reasons: [] }, change.code, change.message),
        ...(change.refusedFor === undefined ? {} : { refusedFor: change.refusedFor }),
      };
  }
}

const HOUR_MS = 60 * 60 * 1000;
/** The greatest that a Date can hold. */
const LAST_MOMENT = 8.64e15;

/** Until when what waits of a set may wait; never passes where nothing does. */
export const deadlineOf = ({ fileSet }: SetDataset, { since }: SetVerdict): Date =>
  new Date(since === undefined ? LAST_MOMENT : Date.parse(since) + fileSet.deadlineHours * HOUR_MS);

/** Tells once of each incomplete set whose deadline has passed; it stays waiting. @returns the sets that were told of */
export async function tellOfIncompleteSets(
  ports: { readonly ledger: Ledger; readonly notifier: Notifier; readonly clock: Clock },
  dataset: SetDataset,
): Promise<readonly string[]> {
  const id = datasetId(dataset);
  const told: string[] = [];
  const hours = dataset.fileSet.deadlineHours;
  for (const verdict of await openSetsOf(ports.ledger, dataset)) {
    const { set, since, lacks } = verdict;
    if (deadlineOf(dataset, verdict) > ports.clock.now()) continue;
    const matter = `set#${id}#${setKey(set)}#${since}`;
    if (await isSettled(ports, matter)) continue;
    const notice: Notice = {
      kind: 'set.incomplete',
      dataset: id,
      title: `${id}: the set ${set} is incomplete after ${hours} hours`,
      facts: { set, since: since ?? '', reason: `file.incomplete_set: ${lacks}` },
      next: `headgate arrivals --dataset ${id}`,
    };
    if (await settle(ports, matter, notice)) told.push(set);
  }
  return told;
}
