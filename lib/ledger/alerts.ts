import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import type { Notice } from '../ports/notifier.ts';
import { partitions } from './entries.ts';
import { due } from './notices.ts';

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

/** Settles a matter that nobody has settled, in one transaction with the notice of it where there is one. For `due`'s notice the matter is the subject. */
export const settling = ({ clock }: AlertPorts, matter: string, notice?: Notice): readonly LedgerWrite[] => [
  {
    kind: 'put',
    partition: partitions.alerts,
    sort: matter,
    body: { at: clock.now().toISOString() } satisfies Alert,
    ifVersion: 0,
  },
  ...(notice === undefined ? [] : [due(notice, matter)]),
];
