import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../lib/adapters/local/duckdb-query-engine.ts';
import { folderStore, strangersIn } from '../lib/adapters/local/folder-store.ts';
import { keyFiles } from '../lib/adapters/local/key-file.ts';
import { webhookNotifier } from '../lib/adapters/local/notifiers.ts';
import { sqliteCatalog } from '../lib/adapters/local/sqlite-catalog.ts';
import { sqliteLedger } from '../lib/adapters/local/sqlite-ledger.ts';
import { ConflictError } from '../lib/errors.ts';
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
describeLedger('SQLite', () => sqliteLedger(`${fresh()}.db`));
describeFileSets('SQLite', () => sqliteLedger(`${fresh()}.db`));
describeCatalog('SQLite', () => sqliteCatalog(`${fresh()}.db`));
describeQueryEngine('DuckDB', () => {
  const storeOf = () => folderStore(fresh());
  return duckDbQueryEngine({ catalog: sqliteCatalog(`${fresh()}.db`), storeOf, marts: [], ledgerTables: [] });
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

  test('in a folder of our own a new mode or a hard link makes no new version', async () => {
    const root = fresh();
    const store = folderStore(root);
    const { etag } = await store.write('k', Buffer.from('one'));
    chmodSync(join(root, 'k'), 0o644);
    linkSync(join(root, 'k'), join(root, 'other'));
    expect((await store.stat('k'))?.etag).toBe(etag);
  });
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
