import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerItem, LedgerWrite } from '../ports/ledger.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import { partitions } from './entries.ts';
import { everything } from './everything.ts';

interface DueNotice {
  readonly notice: Notice;
  /** When a sweep first met it, which whoever wrote it may still be sending. */
  readonly metAt?: string;
}

/** A notice about one file or run: the same one has the same id. */
export const noticeId = ({ kind }: Pick<Notice, 'kind'>, subject: string): string => `${kind}#${subject}`;

/** Written beside what the notice tells of, so that no crash comes between them; it stands in the ledger until it has been sent. */
export const due = (notice: Notice, subject: string): LedgerWrite => ({
  kind: 'put',
  partition: partitions.notices,
  sort: noticeId(notice, subject),
  body: { notice } satisfies DueNotice,
});

interface Teller {
  readonly ledger: Ledger;
  readonly notifier: Notifier;
}

/** Sends a notice that is due, unless it has been sent. One that can't be sent stays due and stops nothing: `tellOverdue` sends it, and says so where it can't either. */
export async function tell(teller: Teller, id: string): Promise<void> {
  const item = await teller.ledger.get<DueNotice>(partitions.notices, id);
  if (item !== undefined) await send(teller, item).catch(() => undefined);
}

export interface Untold {
  readonly id: string;
  readonly error: unknown;
}

/**
 * Sends what is due for longer than `grace` milliseconds: whoever wrote it died, or could not send it. A notice is sent once, and again only where its
 * sender died, or got no answer, in between.
 */
export async function tellOverdue(
  teller: Teller & { readonly clock: Clock },
  grace: number,
): Promise<readonly Untold[]> {
  const untold: Untold[] = [];
  const now = teller.clock.now();
  for await (const item of everything<DueNotice>(teller.ledger, { partition: partitions.notices })) {
    const { metAt } = item.body;
    // Met far ahead of now: the clock has gone back since.
    const isOverdue =
      grace === 0 || (metAt !== undefined && Math.abs(now.getTime() - Date.parse(metAt)) >= grace);
    if (!isOverdue && metAt !== undefined) continue;
    // Of two sweeps at the same time one takes it.
    const taken = await teller.ledger.transact([
      {
        ...item,
        kind: 'put',
        body: { notice: item.body.notice, metAt: now.toISOString() } satisfies DueNotice,
        ifVersion: item.version,
      },
    ]);
    if (taken === 'done' && isOverdue)
      await send(teller, { ...item, version: item.version + 1 }).catch((error: unknown) =>
        untold.push({ id: item.sort, error }),
      );
  }
  return untold;
}

/** What has been written again under the same id meanwhile, with other words, stays due. */
async function send({ ledger, notifier }: Teller, { partition, sort, body, version }: LedgerItem<DueNotice>) {
  await notifier.notify(body.notice);
  const forget = (ifVersion: number) => ledger.transact([{ kind: 'delete', partition, sort, ifVersion }]);
  if ((await forget(version)) === 'done') return;
  const standing = await ledger.get<DueNotice>(partition, sort);
  if (standing !== undefined && isDeepStrictEqual(standing.body.notice, body.notice))
    await forget(standing.version);
}
