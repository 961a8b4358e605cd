import { TerminalError } from '../errors.ts';
import type { Ledger, LedgerWrite } from '../ports/ledger.ts';
import { partitions, type ReplayEntry, type RunEntry } from './entries.ts';
import { everything } from './everything.ts';

/** Writes of a replay's new state, with its place among those that wait. */
export const replayWrites = (replay: ReplayEntry, ifVersion?: number): readonly LedgerWrite[] => {
  const open = { partition: partitions.openReplays, sort: `${replay.dataset}#${replay.id}` };
  return [
    {
      kind: 'put',
      partition: partitions.replays(replay.dataset),
      sort: replay.id,
      body: replay,
      ...(ifVersion === undefined ? {} : { ifVersion }),
    },
    replay.state === 'open'
      ? { kind: 'put', ...open, body: { dataset: replay.dataset, id: replay.id } }
      : { kind: 'delete', ...open },
  ];
};

/** @throws TerminalError where the ledger lacks it */
export async function replayOf(ledger: Ledger, dataset: string, id: string): Promise<ReplayEntry> {
  const item = await ledger.get<ReplayEntry>(partitions.replays(dataset), id);
  if (item !== undefined) return item.body;
  throw new TerminalError(`the ledger has no replay ${id} of ${dataset}`, { fault: 'headgate' });
}

/** The oldest replay of a dataset that waits for a run. */
export async function nextReplay(ledger: Ledger, dataset: string): Promise<ReplayEntry | undefined> {
  const [first] = await ledger.query<{ id: string }>({
    partition: partitions.openReplays,
    prefix: `${dataset}#`,
    limit: 1,
  });
  return first === undefined ? undefined : replayOf(ledger, dataset, first.body.id);
}

interface Loss {
  readonly losers: readonly string[];
}

/** Records whose rows keep whose rows out of the table, as one run found it. */
export const lossWrites = (
  { dataset, runId }: Pick<RunEntry, 'dataset' | 'runId'>,
  losses: Readonly<Record<string, readonly string[]>>,
): readonly LedgerWrite[] =>
  Object.entries(losses).map(([winner, losers]) => ({
    kind: 'put',
    partition: partitions.losses(dataset),
    sort: `${winner}#${runId}`,
    body: { losers } satisfies Loss,
  }));

/** Files with rows that lost to a row of this one. */
export async function losersTo(ledger: Ledger, dataset: string, winner: string): Promise<readonly string[]> {
  const query = { partition: partitions.losses(dataset), prefix: `${winner}#` };
  const losers = await Array.fromAsync(everything<Loss>(ledger, query), ({ body }) => body.losers);
  return [...new Set(losers.flat())];
}
