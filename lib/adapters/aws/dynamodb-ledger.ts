import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { TerminalError, TransientError } from '../../errors.ts';
import {
  type Ledger,
  type LedgerItem,
  type LedgerQuery,
  type LedgerWrite,
  MAX_LEDGER_WRITES,
} from '../../ports/ledger.ts';
import { asking, isNamed } from './errors.ts';

export interface DynamoDbLedgerOptions {
  readonly client: DynamoDBClient;
  /** Its partition key is `partition`, its sort key `sort`, both texts. */
  readonly table: string;
}

type Item = Record<string, AttributeValue>;

/** Bodies longer than this are stored compressed: a unit of writing is 1 KB. */
const COMPRESS_FROM = 4 * 1024;
/** Limits of DynamoDB: an item with its names and keys; a transaction. */
const ITEM_BYTES = 400 * 1024 - 4 * 1024;
const MOST_ATTEMPTS = 8;

/** One table on demand. `version` is a number attribute, the body JSON in `body`, or gzipped in `zipped` where it is long. */
export function dynamoDbLedger({ client, table }: DynamoDbLedgerOptions): Ledger {
  return {
    async get<Body>(partition: string, sort: string) {
      const { Item: item } = await asking(`get from ${table}`, () =>
        client.send(
          new GetItemCommand({
            TableName: table,
            Key: keyOf({ partition, sort }),
            ConsistentRead: true,
          }),
        ),
      );
      return item === undefined ? undefined : itemOf<Body>(item);
    },
    async query<Body>(query: LedgerQuery) {
      const { limit = 1000 } = query;
      const found: LedgerItem<Body>[] = [];
      let from: Item | undefined;
      do {
        const range = rangeOf(query, limit - found.length);
        if (range === undefined) break;
        const command = new QueryCommand({ TableName: table, ...range, ...start(from) });
        const page = await asking(`query of ${table}`, () => client.send(command));
        for (const item of page.Items ?? [])
          if (item.sort?.S !== query.after && found.length < limit) found.push(itemOf<Body>(item));
        from = page.LastEvaluatedKey;
      } while (from !== undefined && found.length < limit);
      return found;
    },
    async transact(writes) {
      if (writes.length > MAX_LEDGER_WRITES) {
        throw new TerminalError(`${writes.length} writes in one transaction; allowed: ${MAX_LEDGER_WRITES}`, {
          fault: 'headgate',
        });
      }
      if (writes.length === 0) return 'done';
      const items = oncePerItem(writes).map((write) => writeItem(table, write));
      for (let attempt = 1; ; attempt++) {
        const answer = await attemptTransaction(client, table, items);
        if (answer !== 'busy') return answer;
        if (attempt === MOST_ATTEMPTS)
          throw new TransientError(`the ledger ${table} was busy with the same items ${attempt} times`, {
            fault: 'headgate',
          });
        await sleep(Math.random() * 20 * 2 ** attempt);
      }
    },
  };
}

const keyOf = ({ partition, sort }: { readonly partition: string; readonly sort: string }) => ({
  partition: { S: partition },
  sort: { S: sort },
});

const start = (key: Item | undefined) => (key === undefined ? {} : { ExclusiveStartKey: key });

/**
 * A query may have one condition on the sort key. The item at `after` itself is dropped by the reader, hence one more; undefined where
 * nothing can lie between.
 */
function rangeOf({ partition, prefix = '', after, descending = false }: LedgerQuery, limit: number) {
  const end = `${prefix}\u{10FFFF}`;
  // A key is never empty, and a bound may not be either.
  const first = prefix === '' ? '\u0000' : prefix;
  const low = !descending && after !== undefined && after > first ? after : first;
  const high = descending && after !== undefined && after < end ? after : end;
  if (high < low) return undefined;
  return {
    KeyConditionExpression: '#p = :p AND #s BETWEEN :low AND :high',
    ExpressionAttributeNames: { '#p': 'partition', '#s': 'sort' },
    ExpressionAttributeValues: { ':p': { S: partition }, ':low': { S: low }, ':high': { S: high } },
    ScanIndexForward: !descending,
    ConsistentRead: true,
    Limit: limit + (after === undefined ? 0 : 1),
  };
}

function itemOf<Body>(item: Item): LedgerItem<Body> {
  const zipped = item.zipped?.B;
  const text = zipped === undefined ? item.body?.S : gunzipSync(zipped).toString();
  return {
    partition: item.partition?.S ?? '',
    sort: item.sort?.S ?? '',
    version: Number(item.version?.N ?? 0),
    body: (text === undefined ? numbersOf(item) : JSON.parse(text)) as Body,
  };
}

/** Numbers that are only ever added to are attributes of their own, because ADD takes no others. */
const NUMBER = 'n_';

const numbersOf = (item: Item): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) =>
      name.startsWith(NUMBER) ? [[name.slice(NUMBER.length), Number(value.N)]] : [],
    ),
  );

/** DynamoDB refuses two operations on one item: of unconditional puts the last one stands. */
function oncePerItem(writes: readonly LedgerWrite[]): readonly LedgerWrite[] {
  const last = new Map<string, LedgerWrite>();
  for (const write of writes) {
    const key = JSON.stringify([write.partition, write.sort]);
    const earlier = last.get(key);
    last.set(key, earlier === undefined ? write : ({ ...earlier, ...write } as LedgerWrite));
  }
  return [...last.values()];
}

const NAMES = { '#v': 'version' };
/** Attribute of the table's time to live, as lib/infra/data-stack.ts names it. */
export const EXPIRES = 'expires';

function conditionOf(ifVersion: number | undefined): string | undefined {
  if (ifVersion === undefined) return undefined;
  return ifVersion === 0 ? 'attribute_not_exists(#v)' : '#v = :expected';
}

function writeItem(table: string, write: LedgerWrite): TransactWriteItem {
  const ifVersion = write.kind === 'add' ? undefined : write.ifVersion;
  const target = { TableName: table, Key: keyOf(write) };
  const condition = conditionOf(ifVersion);
  const expected: Item =
    ifVersion === undefined || ifVersion === 0 ? {} : { ':expected': { N: String(ifVersion) } };
  const guard = {
    ...(condition === undefined ? {} : { ConditionExpression: condition, ExpressionAttributeNames: NAMES }),
    ...(Object.keys(expected).length === 0 ? {} : { ExpressionAttributeValues: expected }),
  };
  switch (write.kind) {
    case 'check':
      return { ConditionCheck: { ...target, ConditionExpression: condition, ...guard } };
    case 'delete':
      return { Delete: { ...target, ...guard } };
    case 'add': {
      const numbers = Object.entries(write.numbers);
      return {
        Update: {
          ...target,
          UpdateExpression: `ADD #v :one${numbers.map((_, index) => `, #n${index} :n${index}`).join('')}`,
          ExpressionAttributeNames: {
            ...NAMES,
            ...Object.fromEntries(numbers.map(([name], index) => [`#n${index}`, `${NUMBER}${name}`])),
          },
          ExpressionAttributeValues: {
            ':one': { N: '1' },
            ...Object.fromEntries(numbers.map(([, number], index) => [`:n${index}`, { N: String(number) }])),
          },
        },
      };
    }
    case 'put': {
      const { kept, dropped, value } = bodyAttribute(write);
      // Time to live is in whole seconds since 1970 (DynamoDB developer guide, "Using time to live").
      const until = write.expires === undefined ? undefined : Math.ceil(write.expires.getTime() / 1000);
      return {
        Update: {
          ...target,
          ...guard,
          UpdateExpression:
            until === undefined
              ? 'SET #kept = :body REMOVE #dropped, #expires ADD #v :one'
              : 'SET #kept = :body, #expires = :until REMOVE #dropped ADD #v :one',
          ExpressionAttributeNames: { ...NAMES, '#kept': kept, '#dropped': dropped, '#expires': EXPIRES },
          ExpressionAttributeValues: {
            ...expected,
            ':body': value,
            ':one': { N: '1' },
            ...(until === undefined ? {} : { ':until': { N: String(until) } }),
          },
        },
      };
    }
  }
}

function bodyAttribute({ partition, sort, body }: LedgerWrite & { readonly kind: 'put' }) {
  const text = Buffer.from(JSON.stringify(body));
  if (text.length < COMPRESS_FROM) return { kept: 'body', dropped: 'zipped', value: { S: text.toString() } };
  const zipped = gzipSync(text);
  if (zipped.length <= ITEM_BYTES) return { kept: 'zipped', dropped: 'body', value: { B: zipped } };
  throw new TerminalError(
    `the entry ${sort} of ${partition} has ${zipped.length} bytes compressed; allowed: ${ITEM_BYTES}`,
    { fault: 'headgate', facts: { partition, sort, bytes: zipped.length } },
  );
}

/** `busy`: another transaction was working on the same items, or DynamoDB was throttling; nothing was written. */
async function attemptTransaction(
  client: DynamoDBClient,
  table: string,
  items: TransactWriteItem[],
): Promise<'done' | 'conflict' | 'busy'> {
  return asking(`transaction on ${table}`, async () => {
    try {
      await client.send(new TransactWriteItemsCommand({ TransactItems: items }));
      return 'done';
    } catch (error) {
      if (!isNamed(error, 'TransactionCanceledException')) throw error;
      const codes =
        (error as TransactionCanceledException).CancellationReasons?.map(({ Code }) => Code) ?? [];
      if (codes.includes('ConditionalCheckFailed')) return 'conflict';
      const passing = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'];
      if (codes.some((code) => code !== undefined && passing.includes(code))) return 'busy';
      throw error;
    }
  });
}
