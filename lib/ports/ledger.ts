/** An entry of the ledger: plain JSON under a two-part key, as in DynamoDB (partition key, sort key). */
export interface LedgerItem<Body = unknown> {
  readonly partition: string;
  readonly sort: string;
  /** 1 when first written, one more at every write. */
  readonly version: number;
  readonly body: Body;
}

export interface LedgerQuery {
  readonly partition: string;
  /** Only sort keys that start with this. @default all */
  readonly prefix?: string;
  /** Only sort keys after this one in the direction of the query (exclusive). @default from the start */
  readonly after?: string;
  /** @default 1000 */
  readonly limit?: number;
  /** @default false */
  readonly descending?: boolean;
}

/**
 * `add` adds to the numbers of an item whose body is nothing but numbers, and makes it where it is absent.
 * `put` with `ifVersion` 0 needs the item to be absent, with n needs exactly version n, without it writes always.
 * A `put` with `expires` says that nobody needs the item after that time: the store may drop it then, or later, or never. A `put` without it keeps the item.
 * `delete` of an absent item does nothing unless `ifVersion` is given. `check` writes nothing.
 */
export type LedgerWrite =
  | {
      readonly kind: 'put';
      readonly partition: string;
      readonly sort: string;
      readonly body: unknown;
      readonly ifVersion?: number;
      readonly expires?: Date;
    }
  | {
      readonly kind: 'delete';
      readonly partition: string;
      readonly sort: string;
      readonly ifVersion?: number;
    }
  | {
      readonly kind: 'add';
      readonly partition: string;
      readonly sort: string;
      readonly numbers: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'check'; readonly partition: string; readonly sort: string; readonly ifVersion: number };

/** Limit of one transaction, from DynamoDB's TransactWriteItems. */
export const MAX_LEDGER_WRITES = 100;

/** The record of every file, run, lock and publication. Reads are consistent with every write answered before. */
export interface Ledger {
  get<Body>(partition: string, sort: string): Promise<LedgerItem<Body> | undefined>;
  query<Body>(query: LedgerQuery): Promise<readonly LedgerItem<Body>[]>;
  /** All writes or none. `conflict`: a condition did not hold, nothing was written. */
  transact(writes: readonly LedgerWrite[]): Promise<'done' | 'conflict'>;
}
