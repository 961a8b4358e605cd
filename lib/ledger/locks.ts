import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { type LockEntry, partitions } from './entries.ts';

/** Executions of the state machine, which own locks. */
export interface Executions {
  /** True when it certainly runs no more. Where nobody can tell, the lease decides. */
  isGone(id: string): Promise<boolean>;
}

/** Longer than any task of the state machine may take (`TimeoutSeconds` of Execute). */
export const LEASE_SECONDS = 7 * 60 * 60;

export interface Lock extends LockEntry {
  readonly version: number;
}

export interface LockServices {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly executions: Executions;
}

/** The dataset's lock, taken or taken over from an execution whose lease ended or who is gone; undefined while another one holds it. */
export async function acquire(
  { ledger, clock, executions }: LockServices,
  { dataset, runId, owner }: Pick<LockEntry, 'dataset' | 'runId' | 'owner'>,
): Promise<Lock | undefined> {
  const current = await ledger.get<LockEntry>(partitions.locks, dataset);
  const now = clock.now();
  // An execution that repeats its Claim meets its own lock.
  const free = current === undefined || current.body.owner === owner;
  if (!free && !(await isFree(current.body, now, executions))) return undefined;
  const entry: LockEntry = {
    dataset,
    runId,
    owner,
    epoch: (current?.body.epoch ?? 0) + 1,
    leaseUntil: new Date(now.getTime() + LEASE_SECONDS * 1000).toISOString(),
  };
  const ifVersion = current?.version ?? 0;
  const answer = await ledger.transact([
    { kind: 'put', partition: partitions.locks, sort: dataset, body: entry, ifVersion },
  ]);
  return answer === 'done' ? { ...entry, version: ifVersion + 1 } : undefined;
}

/** Whether an execution that may still run holds the dataset's lock. */
export async function isHeld({ ledger, clock, executions }: LockServices, dataset: string): Promise<boolean> {
  const current = await ledger.get<LockEntry>(partitions.locks, dataset);
  return current !== undefined && !(await isFree(current.body, clock.now(), executions));
}

const RELEASED = '';

/** True where a lock was left by an execution that ended without giving it free. */
export async function isOrphaned(
  { ledger, clock, executions }: LockServices,
  dataset: string,
): Promise<boolean> {
  const lock = await lockOf(ledger, dataset);
  return lock !== undefined && lock.owner !== RELEASED && (await isFree(lock, clock.now(), executions));
}

const isFree = async (lock: LockEntry, now: Date, executions: Executions): Promise<boolean> =>
  lock.owner === RELEASED || isOver(lock, now) || (await executions.isGone(lock.owner));

/** Also where more is left than any lease has: it was taken by a clock that was ahead. Twice as much, because clocks of machines differ. */
function isOver({ leaseUntil }: LockEntry, now: Date): boolean {
  const seconds = (Date.parse(leaseUntil) - now.getTime()) / 1000;
  return seconds <= 0 || seconds > 2 * LEASE_SECONDS;
}

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
