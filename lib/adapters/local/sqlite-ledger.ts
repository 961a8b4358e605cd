import { TerminalError } from '../../errors.ts';
import { type Ledger, type LedgerItem, type LedgerWrite, MAX_LEDGER_WRITES } from '../../ports/ledger.ts';
import { openSqlite } from './sqlite.ts';

interface Waiting {
  readonly writes: readonly LedgerWrite[];
  readonly resolve: (answer: 'done' | 'conflict') => void;
  readonly reject: (error: unknown) => void;
}

/** Transactions that are asked for at the same time share one disk flush; each is still all or nothing. */
export function sqliteLedger(file: string): Ledger {
  const database = openSqlite(
    file,
    'CREATE TABLE IF NOT EXISTS items (partition TEXT NOT NULL, sort TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (partition, sort)) WITHOUT ROWID',
  );
  const select = database.prepare('SELECT version, body FROM items WHERE partition = ? AND sort = ?');
  const version = database.prepare('SELECT version FROM items WHERE partition = ? AND sort = ?');
  const put = database.prepare(
    'INSERT INTO items VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body',
  );
  const remove = database.prepare('DELETE FROM items WHERE partition = ? AND sort = ?');
  // One bound below: of two SQLite takes the first for its index, and reads all that lies before the other.
  const between = (from: '>' | '>=', order: string) =>
    database.prepare(
      `SELECT sort, version, body FROM items WHERE partition = ? AND sort ${from} ? AND sort < ? ORDER BY sort ${order} LIMIT ?`,
    );
  const descending = between('>=', 'DESC');
  const ascending = between('>=', 'ASC');
  const following = between('>', 'ASC');

  const sum = ({ partition, sort, numbers }: Extract<LedgerWrite, { kind: 'add' }>) => {
    const row = select.get(partition, sort);
    const before = row === undefined ? {} : itemOf<Record<string, number>>(partition, sort, row).body;
    const added = Object.entries(numbers).map(([name, number]) => [name, (before[name] ?? 0) + number]);
    return { ...before, ...Object.fromEntries(added) };
  };
  const versionOf = (write: LedgerWrite): number =>
    Number(version.get(write.partition, write.sort)?.version ?? 0);
  const apply = (writes: readonly LedgerWrite[]): 'done' | 'conflict' => {
    if (
      writes.some(
        (write) =>
          'ifVersion' in write && write.ifVersion !== undefined && versionOf(write) !== write.ifVersion,
      )
    )
      return 'conflict';
    for (const write of writes) {
      if (write.kind === 'put') put.run(write.partition, write.sort, JSON.stringify(write.body));
      else if (write.kind === 'add') put.run(write.partition, write.sort, JSON.stringify(sum(write)));
      else if (write.kind === 'delete') remove.run(write.partition, write.sort);
    }
    return 'done';
  };

  let waiting: Waiting[] = [];
  const flush = () => {
    const batch = waiting;
    waiting = [];
    try {
      database.exec('BEGIN IMMEDIATE');
      const answers = batch.map(({ writes }) => apply(writes));
      database.exec('COMMIT');
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] ?? 'conflict');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      for (const { reject } of batch) reject(error);
    }
  };

  return {
    async get<Body>(partition: string, sort: string) {
      const row = select.get(partition, sort);
      return row === undefined ? undefined : itemOf<Body>(partition, sort, row);
    },
    async query<Body>({
      partition,
      prefix = '',
      after,
      limit = 1000,
      descending: backwards = false,
    }: Parameters<Ledger['query']>[0]) {
      const end = `${prefix}\u{10FFFF}`;
      const isFrom = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
      const rows = backwards
        ? descending.all(partition, prefix, after ?? end, limit)
        : isFrom
          ? following.all(partition, after, end, limit)
          : ascending.all(partition, prefix, end, limit);
      return rows.map((row) => itemOf<Body>(partition, String(row.sort), row));
    },
    transact: (writes) =>
      new Promise((resolve, reject) => {
        if (writes.length > MAX_LEDGER_WRITES) {
          reject(
            new TerminalError(`${writes.length} writes in one transaction; allowed: ${MAX_LEDGER_WRITES}`, {
              fault: 'headgate',
            }),
          );
          return;
        }
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ writes, resolve, reject });
      }),
  };
}

const itemOf = <Body>(
  partition: string,
  sort: string,
  row: Readonly<Record<string, unknown>>,
): LedgerItem<Body> => ({
  partition,
  sort,
  version: Number(row.version),
  body: JSON.parse(String(row.body)) as Body,
});
