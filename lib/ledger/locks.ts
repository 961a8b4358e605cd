import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { type LockEntry, partitions } from './entries.ts';

export interface Owner {
  readonly name: string;
  /** True when this owner certainly runs no more; on AWS nobody can tell, there only the lease decides. */
  readonly isGone: (owner: string) => boolean;
}

/** Longer than any task of the state machine may take. */
export const LEASE_SECONDS = 20 * 60;

export interface Lock extends LockEntry {
  readonly version: number;
}

/** The dataset's lock, taken or taken over from an owner whose lease ended or who is gone; undefined while another one holds it. */
export async function acquire(
  { ledger, clock, owner }: { readonly ledger: Ledger; readonly clock: Clock; readonly owner: Owner },
  dataset: string,
  runId: string,
): Promise<Lock | undefined> {
  const current = await ledger.get<LockEntry>(partitions.locks, dataset);
  const now = clock.now();
  if (current !== undefined && !isFree(current.body, now, owner)) return undefined;
  const entry: LockEntry = {
    dataset,
    runId,
    owner: owner.name,
    epoch: (current?.body.epoch ?? 0) + 1,
    leaseUntil: new Date(now.getTime() + LEASE_SECONDS * 1000).toISOString(),
  };
  const ifVersion = current?.version ?? 0;
  const answer = await ledger.transact([
    { kind: 'put', partition: partitions.locks, sort: dataset, body: entry, ifVersion },
  ]);
  return answer === 'done' ? { ...entry, version: ifVersion + 1 } : undefined;
}

const RELEASED = '';

const isFree = (lock: LockEntry, now: Date, owner: Owner): boolean =>
  lock.owner === RELEASED || lock.leaseUntil <= now.toISOString() || owner.isGone(lock.owner);

/** Written beside other writes: they happen only while the lock is still this one. */
export const holds = (lock: Lock): LedgerWrite => ({
  kind: 'check',
  partition: partitions.locks,
  sort: lock.dataset,
  ifVersion: lock.version,
});

/** Keeps the entry, so that the epoch goes on growing. Does nothing where the lock is another's by now. */
export async function release(ledger: Ledger, lock: Lock): Promise<void> {
  const { version, ...entry } = lock;
  await ledger.transact([
    {
      kind: 'put',
      partition: partitions.locks,
      sort: lock.dataset,
      body: { ...entry, owner: RELEASED },
      ifVersion: version,
    },
  ]);
}

/** The lock as it stands, for a task that knows only dataset and epoch. */
export async function lockOf(ledger: Ledger, dataset: string): Promise<Lock | undefined> {
  const item = await ledger.get<LockEntry>(partitions.locks, dataset);
  return item === undefined ? undefined : { ...item.body, version: item.version };
}
