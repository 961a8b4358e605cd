import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { partitions } from './entries.ts';

interface Alert {
  readonly state: 'telling' | 'told';
  readonly at: string;
}

/** A process that died while it told is followed by another after this time. */
const PATIENCE_MS = 10 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A matter of a date that nobody asks about any more: sweeps look back 14 days, the daily look one. */
export const DATED_MATTER_DAYS = 90;

/**
 * Tells people of a matter once, whoever asks and however often. That it was told is forgotten after `days`: only for a matter that nobody asks about
 * any more by then, or it is told again.
 * @returns whether this call has told
 */
export async function tellOnce(
  { ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock },
  matter: string,
  tell: () => Promise<void>,
  days?: number,
): Promise<boolean> {
  const known = await ledger.get<Alert>(partitions.alerts, matter);
  const now = clock.now();
  const isFresh = (alert: Alert) => now.getTime() - Date.parse(alert.at) < PATIENCE_MS;
  if (known !== undefined && (known.body.state === 'told' || isFresh(known.body))) return false;
  const expires = days === undefined ? {} : { expires: new Date(now.getTime() + days * DAY_MS) };
  const put = (state: Alert['state'], ifVersion: number) =>
    ledger.transact([
      {
        kind: 'put',
        partition: partitions.alerts,
        sort: matter,
        body: { state, at: now.toISOString() } satisfies Alert,
        ifVersion,
        ...expires,
      },
    ]);
  const version = known?.version ?? 0;
  if ((await put('telling', version)) === 'conflict') return false;
  await tell();
  await put('told', version + 1);
  return true;
}
