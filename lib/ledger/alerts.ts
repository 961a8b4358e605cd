import { type Clock, DAY_MS } from '../ports/clock.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import type { Notice, Notifier } from '../ports/notifier.ts';
import { partitions } from './entries.ts';
import { due, noticeId, tell } from './notices.ts';

interface Alert {
  readonly at: string;
}

interface AlertPorts {
  readonly ledger: Ledger;
  readonly clock: Clock;
}

/** Whether anybody has dealt with a matter: people need not be told of it, or the notice is due or sent. */
export const isSettled = async ({ ledger }: AlertPorts, matter: string): Promise<boolean> =>
  (await ledger.get<Alert>(partitions.alerts, matter)) !== undefined;

/** For a matter of a date, after it came due: sweeps and the daily look ask about the last weeks only. */
export const DATED_MATTER_DAYS = 90;

/**
 * Settles a matter that nobody has settled, in one transaction with the notice of it where there is one. For `due`'s notice the matter is the subject. That it
 * is settled may be forgotten after `days`: only for a matter that nobody asks about any more by then.
 */
export const settling = (
  { clock }: Pick<AlertPorts, 'clock'>,
  matter: string,
  notice?: Notice,
  days?: number,
): readonly LedgerWrite[] => [
  {
    kind: 'put',
    partition: partitions.alerts,
    sort: matter,
    body: { at: clock.now().toISOString() } satisfies Alert,
    ifVersion: 0,
    ...(days === undefined ? {} : { expires: new Date(clock.now().getTime() + days * DAY_MS) }),
  },
  ...(notice === undefined ? [] : [due(notice, matter)]),
];

/** Settles a matter as above and sends its notice. @returns whether this call has told: nobody else settled it meanwhile, and there was something to tell */
export async function settle(
  ports: AlertPorts & { readonly notifier: Notifier },
  matter: string,
  notice: Notice | undefined,
  days?: number,
): Promise<boolean> {
  const isMine = (await ports.ledger.transact(settling(ports, matter, notice, days))) === 'done';
  if (notice === undefined || !isMine) return false;
  await tell(ports, noticeId(notice, matter));
  return true;
}
