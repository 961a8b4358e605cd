import type { Ledger, LedgerItem, LedgerQuery } from '../ports/ledger.ts';
import { partitions } from './entries.ts';

const PAGE = 1000;

/** All items that a query without limit would answer, in their order, however many: a query answers so many at most. Pages are read as they are asked for. */
export async function* everything<Body>(
  ledger: Ledger,
  query: Omit<LedgerQuery, 'limit'>,
): AsyncGenerator<LedgerItem<Body>> {
  let { after } = query;
  do {
    const page = await ledger.query<Body>({
      ...query,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    after = page.length < PAGE ? undefined : page.at(-1)?.sort;
  } while (after !== undefined);
}

/** Names of the datasets of which a file was ever seen, in order. */
export async function knownDatasets(ledger: Ledger): Promise<readonly string[]> {
  const known = everything<{ dataset: string }>(ledger, { partition: partitions.datasets });
  return Array.fromAsync(known, ({ body }) => body.dataset);
}
