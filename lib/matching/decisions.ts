import { createHash } from 'node:crypto';
import { type Entity, entityId } from '../contract/entity.ts';
import { TerminalError } from '../errors.ts';
import { partitions } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';

/** A record of a source, named for ever. */
export interface RecordName {
  /** `domain/name` of the dataset. */
  readonly source: string;
  readonly id: string;
}

/** What a person has decided about two records. It counts in every later run, until it is decided otherwise. */
export interface Decision {
  readonly left: RecordName;
  readonly right: RecordName;
  readonly state: 'accepted' | 'rejected';
  readonly by: string;
  readonly at: string;
}

/** The same for a pair in all runs; 12 hexadecimal digits. */
export const reviewId = ({ left, right }: Pick<Decision, 'left' | 'right'>): string =>
  createHash('sha256')
    .update([left.source, left.id, right.source, right.id].join('\u001f'))
    .digest('hex')
    .slice(0, 12);

export async function decisionsOf(
  ledger: Ledger,
  entity: Pick<Entity, 'domain' | 'name'>,
): Promise<readonly Decision[]> {
  const partition = partitions.matchDecisions(entityId(entity));
  return Array.fromAsync(everything<Decision>(ledger, { partition }), ({ body }) => body);
}

/**
 * Keeps a decision; an earlier one about the same pair is replaced. The next run applies it.
 * @throws TerminalError where it contradicts the others: records that people have put together would have to be apart
 */
export async function decide(
  { ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock },
  entity: Pick<Entity, 'domain' | 'name'>,
  decision: Omit<Decision, 'at'>,
): Promise<void> {
  const all = await decisionsOf(ledger, entity);
  // A pair goes by the name under which it was first decided: the contract may have put its sources in another order since.
  const turned = { ...decision, left: decision.right, right: decision.left };
  const known = all.some((each) => reviewId(each) === reviewId(turned)) ? turned : decision;
  const body: Decision = { ...known, at: clock.now().toISOString() };
  const [id, twin] = [reviewId(body), reviewId({ left: body.right, right: body.left })];
  const others = all.filter((each) => ![id, twin].includes(reviewId(each)));
  requireConsistent([...others, body], id);
  const partition = partitions.matchDecisions(entityId(entity));
  await ledger.transact([
    { kind: 'put', partition, sort: id, body },
    { kind: 'delete', partition, sort: twin },
  ]);
}

function requireConsistent(decisions: readonly Decision[], id: string): void {
  const groups = new Map<string, string>();
  const rootOf = (name: string): string => {
    const above = groups.get(name) ?? name;
    return above === name ? name : rootOf(above);
  };
  const key = ({ source, id: record }: RecordName) => `${source}\u001f${record}`;
  for (const { left, right, state } of decisions)
    if (state === 'accepted') groups.set(rootOf(key(left)), rootOf(key(right)));
  const broken = decisions.find(
    ({ left, right, state }) => state === 'rejected' && rootOf(key(left)) === rootOf(key(right)),
  );
  if (broken === undefined) return;
  throw new TerminalError(
    `${id} can't be decided so: by accepted pairs both records of the rejected pair ${reviewId(broken)} would be one; decide one of the accepted pairs otherwise first (headgate match review list --all)`,
    { fault: 'source', facts: { review: id } },
  );
}
