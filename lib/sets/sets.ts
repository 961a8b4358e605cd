import { type Dataset, datasetId, type FileSet } from '../contract/dataset.ts';
import { refused } from '../intake/judge.ts';
import { waitingForSet } from '../intake/take-in.ts';
import { tellOnce } from '../ledger/alerts.ts';
import { type FileEntry, partitions } from '../ledger/entries.ts';
import { changeFiles, filesOf, setKey } from '../ledger/files.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerItem, LedgerWrite } from '../ports/ledger.ts';
import type { Notifier } from '../ports/notifier.ts';
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
  const items = await everything<Pointer>(ledger, { partition: partitions.pending(dataset) });
  return items.map(({ body }) => body);
}

const PAGE = 1000;

async function everything<Body>(
  ledger: Ledger,
  query: { readonly partition: string; readonly prefix?: string },
): Promise<readonly LedgerItem<Body>[]> {
  const all: LedgerItem<Body>[] = [];
  for (let after: string | undefined; ; after = all.at(-1)?.sort) {
    const page = await ledger.query<Body>({
      ...query,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
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
    verdicts.push(verdictOf(dataset.fileSet, set, await filesOfSet(ledger, id, set)));
  return verdicts;
}

const openControls = (ledger: Ledger, dataset: string) =>
  everything<Pointer>(ledger, { partition: partitions.openSets, prefix: `${dataset}#` });

export async function filesOfSet(
  ledger: Ledger,
  dataset: string,
  set: string,
): Promise<readonly FileEntry[]> {
  const items = await everything<Pointer>(ledger, {
    partition: partitions.members(dataset),
    prefix: `${setKey(set)}#`,
  });
  return filesOf(
    ledger,
    dataset,
    items.map(({ body }) => body.fileId),
  );
}

/** Whether the lock's holder would find something to do. */
export const isActionable = ({ take, changes }: SetVerdict): boolean => take.length + changes.length > 0;

/**
 * Writes what follows from the verdicts: refusals, replaced versions, members that come back. `guard` is checked in every write, so that only the
 * lock's holder decides. Repeating it changes nothing.
 */
export async function settleSets(
  { ledger, notifier }: { readonly ledger: Ledger; readonly notifier: Notifier },
  dataset: SetDataset,
  guard: readonly LedgerWrite[],
): Promise<void> {
  const id = datasetId(dataset);
  const controls = await openControls(ledger, id);
  for (const verdict of await openSetsOf(ledger, dataset)) {
    const { changes } = verdict;
    const byId = new Map(changes.map((change) => [change.fileId, change]));
    await changeFiles(ledger, id, [...byId.keys()], (file) => changed(file, byId.get(file.fileId)), guard);
    const refusals = changes.filter((change) => change.kind === 'refuse');
    if (refusals.length > 0)
      await notifier.notify({
        kind: 'file.quarantined',
        dataset: id,
        title: `${id}: ${refusals.length} files of the set ${verdict.set} were quarantined`,
        facts: {
          set: verdict.set,
          files: refusals.length,
          reason: [...new Set(refusals.map(({ message }) => message))].slice(0, 5).join('; '),
        },
        next: `headgate quarantine list --dataset ${id}`,
      });
    const seen = controls.find(({ body }) => body.set === verdict.set);
    if (seen !== undefined && verdict.state !== 'incomplete')
      await ledger.transact([
        ...guard,
        { kind: 'delete', partition: partitions.openSets, sort: seen.sort, ifVersion: seen.version },
      ]);
  }
}

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
        refusedFor: change.refusedFor,
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
    const tell = () =>
      ports.notifier.notify({
        kind: 'set.incomplete',
        dataset: id,
        title: `${id}: the set ${set} is incomplete after ${hours} hours`,
        facts: { set, since: since ?? '', reason: `file.incomplete_set: ${lacks}` },
        next: `headgate arrivals --dataset ${id}`,
      });
    if (await tellOnce(ports, `set#${id}#${setKey(set)}#${since}`, tell)) told.push(set);
  }
  return told;
}
