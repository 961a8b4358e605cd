import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { duckDbQueryEngine } from '../lib/adapters/local/duckdb-query-engine.ts';
import { folderStore, strangersIn } from '../lib/adapters/local/folder-store.ts';
import { keyFiles } from '../lib/adapters/local/key-file.ts';
import { webhookNotifier } from '../lib/adapters/local/notifiers.ts';
import { sqliteCatalog } from '../lib/adapters/local/sqlite-catalog.ts';
import { sqliteLedger } from '../lib/adapters/local/sqlite-ledger.ts';
import { ConflictError, TerminalError, TransientError } from '../lib/errors.ts';
import { describeFileSets } from './support/file-set-suite.ts';
import {
  describeCatalog,
  describeLedger,
  describeNotifier,
  describeObjectStore,
  describeQueryEngine,
  describeSecrets,
} from './support/port-suites.ts';
import { receiver } from './support/receiver.ts';
import { temporaryFolder } from './support/temporary.ts';

const folder = temporaryFolder('adapters');
const fresh = () => join(folder, randomUUID());

describeObjectStore('a folder', () => folderStore(fresh()));
describeObjectStore('a folder where others write too', () => folderStore(fresh(), { shared: true }));
test('a folder says which key it can’t hold, and leaves nothing of it', async () => {
  const root = fresh();
  const store = folderStore(root);
  for (const key of ['x'.repeat(256), `a/${'é'.repeat(128)}/b`, `${'a/'.repeat(2_500)}b`]) {
    const answer = store.write(key, Buffer.from('1'));
    await expect(answer).rejects.toBeInstanceOf(TerminalError);
    await expect(answer).rejects.toThrow('longer than a file system allows');
  }
  expect(await Array.fromAsync(store.list(''))).toEqual([]);
});

test('a folder of others that may not be read keeps nothing else from it, and is told of', async () => {
  const root = fresh();
  chmodSync(folder, 0o755);
  for (const name of ['closed', 'open']) {
    mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, name, 'a'), '1');
  }
  chmodSync(join(root, 'closed'), 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    const store = folderStore(root, { shared: true });
    expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['open/a']);
    expect(await Array.fromAsync(strangersIn(root))).toEqual([
      { name: 'closed', why: 'it is a folder that we may not read' },
    ]);
    await expect(Array.fromAsync(folderStore(root).list(''))).rejects.toThrow('EACCES');
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(join(root, 'closed'), 0o755);
  }
});
describeLedger('SQLite', () => sqliteLedger(`${fresh()}.db`));
test('SQLite: what a prefix asks for takes as long at the end of a long partition as at its begin', async () => {
  const ledger = sqliteLedger(`${fresh()}.db`);
  const sorts = Array.from({ length: 40_000 }, (_, index) => `row ${100_000 + index}`);
  const put = (sort: string) => ({ kind: 'put', partition: 'p', sort, body: {} }) as const;
  await Promise.all(
    Array.from({ length: 400 }, (_, part) =>
      ledger.transact(sorts.slice(part * 100, part * 100 + 100).map(put)),
    ),
  );
  const times = async (prefix: string) => {
    const start = performance.now();
    for (let time = 0; time < 50; time++)
      expect(await ledger.query({ partition: 'p', prefix })).toHaveLength(10);
    return performance.now() - start;
  };
  await times('row 10000');
  expect((await times('row 13999')) / (await times('row 10000'))).toBeLessThan(10);
});
describeFileSets('SQLite', () => sqliteLedger(`${fresh()}.db`));
describeCatalog('SQLite', () => sqliteCatalog(`${fresh()}.db`));
const queryEngine = () => {
  const storeOf = () => folderStore(fresh());
  return duckDbQueryEngine({ catalog: sqliteCatalog(`${fresh()}.db`), storeOf, marts: [], ledgerTables: [] });
};
describeQueryEngine('DuckDB', queryEngine);
// Not asked of MiniStack, whose Athena is a plain DuckDB.
test('the local query engine cuts the fraction of whole numbers that are divided, as Athena does', async () => {
  const sql =
    'SELECT 100 * sum(x) / 3 AS a, -5 / count(*) AS b, CAST(5 AS double) / 2 AS c FROM (VALUES (3), (4)) AS t(x)';
  expect((await queryEngine().query(sql)).rows).toEqual([['233', '-2', '2.5']]);
});
describeSecrets('key files', async () => {
  const home = fresh();
  const file = join(home, 'pii.key');
  return {
    secrets: keyFiles(home, sqliteLedger(`${home}.db`)),
    store: async (text) => (text === undefined ? rmSync(file) : writeFileSync(file, text, { mode: 0o600 })),
  };
});
describeNotifier('a webhook', async () => {
  const server = await receiver();
  return {
    notifier: webhookNotifier(server.url, () => undefined),
    received: async () =>
      server.deliveries.map(({ body }) => Object.values(flat(JSON.parse(body))).join('\n')),
  };
});

const flat = ({ facts, ...rest }: { readonly facts: object }): object => ({ ...rest, ...facts });

describe('a folder as object store', () => {
  test('takes neither links nor folders for objects', async () => {
    const root = fresh();
    mkdirSync(join(root, 'inner'), { recursive: true });
    writeFileSync(join(root, 'inner/file.csv'), 'x');
    symlinkSync(join(root, 'inner/file.csv'), join(root, 'link.csv'));
    const keys = [];
    for await (const { key } of folderStore(root).list('')) keys.push(key);
    expect(keys).toEqual(['inner/file.csv']);
    expect(await folderStore(root).stat('inner')).toBeUndefined();
  });

  test('names what can be no object: links and names that are not UTF-8', async () => {
    const root = fresh();
    mkdirSync(join(root, 'inner/.git'), { recursive: true });
    writeFileSync(join(root, 'inner/file.csv'), 'x');
    symlinkSync('file.csv', join(root, 'inner/link.csv'));
    symlinkSync('file.csv', join(root, 'inner/.git/link.csv'));
    writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9]), Buffer.from('.csv')]), 'x');
    const strangers = [];
    for await (const stranger of strangersIn(root)) strangers.push(stranger);
    expect(strangers.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'caf\uFFFD.csv', why: 'its name is not UTF-8; rename it' },
      {
        name: 'inner/link.csv',
        why: 'it is a link, which is not followed; put the file itself there',
      },
    ]);
  });

  test.each(['overwritten in place', 'appended to'])(
    'an object that is %s while it is read is a conflict, not a mixture',
    async (how) => {
      const root = fresh();
      const store = folderStore(root);
      const { etag } = await store.write('k', Buffer.alloc(3 * 1024 * 1024, 'o'));
      const read = async () => {
        let first = true;
        for await (const _chunk of store.read('k', { etag })) {
          if (first) {
            const file = openSync(join(root, 'k'), how === 'appended to' ? 'a' : 'r+');
            writeSync(file, Buffer.alloc(3 * 1024 * 1024, 'n'));
            closeSync(file);
          }
          first = false;
        }
      };
      await expect(read()).rejects.toBeInstanceOf(ConflictError);
    },
  );

  test('where others write, other bytes of the same size and time are another version', async () => {
    const root = fresh();
    const store = folderStore(root, { shared: true });
    const at = new Date('2026-01-01T00:00:00Z');
    const put = async (text: string) => {
      writeFileSync(join(root, 'k'), text);
      utimesSync(join(root, 'k'), at, at);
      return (await store.stat('k'))?.etag;
    };
    mkdirSync(root);
    expect(await put('one')).not.toBe(await put('two'));
  });

  test('removes what a writer that was killed has left, once nobody has touched it for an hour', async () => {
    const root = fresh();
    const left = join(root, '.unfinished/left');
    mkdirSync(join(root, '.unfinished/removed'), { recursive: true });
    writeFileSync(left, 'half');
    await folderStore(root).write('one', Buffer.from('1'));
    expect(existsSync(left)).toBe(true);
    const later = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 61 * 60_000);
    await folderStore(root)
      .write('two', Buffer.from('2'))
      .finally(() => later.mockRestore());
    expect(readdirSync(join(root, '.unfinished'))).toEqual(['removed']);
  });

  test('in a folder of our own a new mode or a hard link makes no new version', async () => {
    const root = fresh();
    const store = folderStore(root);
    const { etag } = await store.write('k', Buffer.from('one'));
    chmodSync(join(root, 'k'), 0o644);
    linkSync(join(root, 'k'), join(root, 'other'));
    expect((await store.stat('k'))?.etag).toBe(etag);
  });
});

test('a database that can’t be opened says which, why and what to do', () => {
  const file = fresh();
  writeFileSync(file, 'no database at all, but as long as the head of one would be: '.repeat(20));
  const open = () => sqliteLedger(file);
  expect(open).toThrow(TransientError);
  expect(open).toThrow(`${file} can't be opened: file is not a database; see that`);
});

describe('key files', () => {
  test('make a key once, for its owner only, and give the same one again', async () => {
    const home = fresh();
    const secrets = () => keyFiles(home, sqliteLedger(`${home}.db`));
    const key = await secrets().read('pii');
    expect(key).toHaveLength(32);
    expect(await secrets().read('pii')).toEqual(key);
  });

  test('refuse to make another key where one has been used', async () => {
    const ledger = sqliteLedger(`${fresh()}.db`);
    await keyFiles(fresh(), ledger).read('pii');
    await expect(keyFiles(fresh(), ledger).read('pii')).rejects.toThrow(
      'is missing, but tokens were made with it',
    );
  });

  test('refuse a key that others can read, is another one, or is none', async () => {
    const ledger = sqliteLedger(`${fresh()}.db`);
    await keyFiles(fresh(), ledger).read('pii');
    const withKey = (text: string, mode: number) => {
      const home = fresh();
      mkdirSync(home);
      writeFileSync(join(home, 'pii.key'), text, { mode });
      return keyFiles(home, ledger).read('pii');
    };
    await expect(withKey('ab'.repeat(32), 0o644)).rejects.toThrow('can be read by others');
    await expect(withKey('ab'.repeat(32), 0o600)).rejects.toThrow('is another key');
    await expect(withKey('abc', 0o600)).rejects.toThrow('does not hold 32 bytes');
  });
});
