import { describe, expect, test } from '@jest/globals';
import { ConflictError, TerminalError } from '../../lib/errors.ts';
import type { Catalog } from '../../lib/ports/catalog.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import type { Notice, Notifier } from '../../lib/ports/notifier.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import type { QueryEngine } from '../../lib/ports/query-engine.ts';
import type { Secrets } from '../../lib/ports/secrets.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** What every ObjectStore must do. */
export function describeObjectStore(name: string, make: () => ObjectStore): void {
  describe(`object store: ${name}`, () => {
    test('gives back what was written, whole and in part', async () => {
      const store = make();
      const written = await store.write('a/b.txt', bytes('hello world'));
      expect(written).toMatchObject({ key: 'a/b.txt', bytes: 11 });
      expect(await text(store.read('a/b.txt'))).toBe('hello world');
      expect(await text(store.read('a/b.txt', { start: 6, end: 11 }))).toBe('world');
      expect(await text(store.read('a/b.txt', { start: 3, end: 3 }))).toBe('');
    });

    test('lists by prefix in key order and forgets what was removed', async () => {
      const store = make();
      for (const key of ['b/2', 'b/10', 'a', 'b.txt', 'b/1/x']) await store.write(key, bytes(key));
      const keys = async (prefix: string) => {
        const found = [];
        for await (const { key } of store.list(prefix)) found.push(key);
        return found;
      };
      expect(await keys('')).toEqual(['a', 'b.txt', 'b/1/x', 'b/10', 'b/2']);
      expect(await keys('b/1')).toEqual(['b/1/x', 'b/10']);
      await store.remove('b/10');
      await store.remove('b/10');
      expect(await keys('b/')).toEqual(['b/1/x', 'b/2']);
    });

    test('lets one of twenty writers make an object', async () => {
      const store = make();
      const attempts = Array.from({ length: 20 }, (_, index) =>
        store.write('once', bytes(`writer ${index}`), { kind: 'absent' }),
      );
      const answers = await Promise.allSettled(attempts);
      const winners = answers.flatMap((answer, index) => (answer.status === 'fulfilled' ? [index] : []));
      expect(winners).toHaveLength(1);
      expect(await text(store.read('once'))).toBe(`writer ${winners[0]}`);
      for (const answer of answers)
        if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(ConflictError);
    });

    test('reads and replaces exactly the version that is named', async () => {
      const store = make();
      const { etag } = await store.write('k', bytes('one'));
      const second = await store.write('k', bytes('two'), { kind: 'etag', etag });
      expect(second.etag).not.toBe(etag);
      await expect(text(store.read('k', { etag }))).rejects.toBeInstanceOf(ConflictError);
      await expect(store.write('k', bytes('three'), { kind: 'etag', etag })).rejects.toBeInstanceOf(
        ConflictError,
      );
      expect(await text(store.read('k'))).toBe('two');
    });

    test('takes a body in pieces that is larger than a part, and gives any piece of it back', async () => {
      const store = make();
      const piece = Buffer.alloc(1024 * 1024, 'x');
      const body = (async function* () {
        for (let index = 0; index < 20; index++) yield piece;
        yield bytes('end');
      })();
      const written = await store.write('large', body, { kind: 'absent' });
      expect(written.bytes).toBe(20 * piece.length + 3);
      const again = (async function* () {
        for (let index = 0; index < 20; index++) yield piece;
      })();
      await expect(store.write('large', again, { kind: 'absent' })).rejects.toBeInstanceOf(ConflictError);
      expect(await text(store.read('large', { etag: written.etag, start: 20 * piece.length - 1 }))).toBe(
        'xend',
      );
      expect(await store.stat('large')).toMatchObject({ bytes: written.bytes, etag: written.etag });
    });

    test('keeps keys with blanks, signs and letters of any script apart', async () => {
      const store = make();
      const keys = ['a b.csv', 'a+b.csv', 'a%20b.csv', 'ä/日本 & ?#=;.csv'];
      for (const key of keys) await store.write(key, bytes(key));
      for (const key of keys) expect(await text(store.read(key))).toBe(key);
      const listed = [];
      for await (const { key } of store.list('')) listed.push(key);
      expect(listed.sort()).toEqual([...keys].sort());
    });

    test('removes exactly the version that is named, and keeps another one as it is', async () => {
      const store = make();
      const first = await store.write('k', bytes('one'));
      const second = await store.write('k', bytes('two'));
      await expect(store.remove('k', first.etag)).rejects.toBeInstanceOf(ConflictError);
      expect(await text(store.read('k', { etag: second.etag }))).toBe('two');
      await store.remove('k', second.etag);
      expect(await store.stat('k')).toBeUndefined();
      await store.remove('k', second.etag);
    });

    test('never removes a version that is written while another one is removed', async () => {
      const store = make();
      for (let round = 0; round < 50; round++) {
        const { etag } = await store.write('k', bytes('old'));
        const [written] = await Promise.all([
          store.write('k', bytes('new')),
          store.remove('k', etag).catch((error: unknown) => expect(error).toBeInstanceOf(ConflictError)),
        ]);
        expect(written.bytes).toBe(3);
        expect(await text(store.read('k'))).toBe('new');
      }
    });

    test('does not finish the read of a version that is replaced meanwhile as if nothing had happened', async () => {
      const store = make();
      const old = Buffer.alloc(3 * 1024 * 1024, 'o');
      const { etag } = await store.write('k', old);
      let found = Buffer.alloc(0);
      const reading = (async () => {
        for await (const chunk of store.read('k', { etag })) {
          if (found.length === 0) await store.write('k', Buffer.alloc(old.length, 'n'));
          found = Buffer.concat([found, chunk]);
        }
      })();
      // Either all bytes of the version that was named, or a conflict: never bytes of both.
      const answer = await reading.then(
        () => 'read',
        (error: unknown) => error,
      );
      if (answer === 'read') expect(found.equals(old)).toBe(true);
      else expect(answer).toBeInstanceOf(ConflictError);
    });

    test('shows nothing of a body that breaks off', async () => {
      const store = make();
      const broken = (async function* () {
        yield bytes('half');
        throw new Error('source went away');
      })();
      await expect(store.write('k', broken)).rejects.toThrow('source went away');
      expect(await store.stat('k')).toBeUndefined();
    });

    test('knows no object under a key that no folder can hold, and does not stumble over it', async () => {
      const store = make();
      const key = `a/${'x'.repeat(300)}/${'é'.repeat(150)}`;
      expect(await store.stat(key)).toBeUndefined();
      await expect(text(store.read(key))).rejects.toThrow('there is no object');
      await store.remove(key);
      await store.remove(key, 'e');
    });

    test('refuses keys that lead elsewhere and says when there is no object', async () => {
      const store = make();
      for (const key of ['../x', 'a//b', '/a', 'a/./b', ''])
        await expect(store.write(key, bytes('x'))).rejects.toBeInstanceOf(TerminalError);
      await expect(text(store.read('nothing'))).rejects.toThrow('there is no object nothing');
      expect(await store.stat('nothing')).toBeUndefined();
    });
  });
}

/** What every Ledger must do. */
export function describeLedger(name: string, make: () => Ledger): void {
  const put = (sort: string, body: unknown, ifVersion?: number) => ({
    kind: 'put' as const,
    partition: 'p',
    sort,
    body,
    ...(ifVersion === undefined ? {} : { ifVersion }),
  });

  describe(`ledger: ${name}`, () => {
    test('counts the versions of an item', async () => {
      const ledger = make();
      await ledger.transact([put('a', { n: 1 })]);
      await ledger.transact([put('a', { n: 2 })]);
      expect(await ledger.get('p', 'a')).toEqual({ partition: 'p', sort: 'a', version: 2, body: { n: 2 } });
      expect(await ledger.get('p', 'b')).toBeUndefined();
    });

    test('writes all or nothing', async () => {
      const ledger = make();
      await ledger.transact([put('a', 1, 0)]);
      expect(await ledger.transact([put('b', 1), put('a', 2, 0)])).toBe('conflict');
      expect(await ledger.get('p', 'b')).toBeUndefined();
      expect(
        await ledger.transact([put('b', 1), { kind: 'check', partition: 'p', sort: 'a', ifVersion: 1 }]),
      ).toBe('done');
      expect(await ledger.transact([{ kind: 'delete', partition: 'p', sort: 'a', ifVersion: 5 }])).toBe(
        'conflict',
      );
      expect(await ledger.transact([{ kind: 'delete', partition: 'p', sort: 'nothing' }])).toBe('done');
    });

    test('lets one of twenty writers make an item', async () => {
      const ledger = make();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => ledger.transact([put('once', index, 0)])),
      );
      expect(answers.filter((answer) => answer === 'done')).toHaveLength(1);
    });

    test('pages through a partition in both directions', async () => {
      const ledger = make();
      await ledger.transact(['a1', 'a2', 'a3', 'b1'].map((sort) => put(sort, sort)));
      const sorts = async (query: object) =>
        (await ledger.query({ partition: 'p', ...query })).map(({ sort }) => sort);
      expect(await sorts({ prefix: 'a', limit: 2 })).toEqual(['a1', 'a2']);
      expect(await sorts({ prefix: 'a', after: 'a2' })).toEqual(['a3']);
      expect(await sorts({ descending: true, limit: 2 })).toEqual(['b1', 'a3']);
      expect(await sorts({ descending: true, after: 'a2' })).toEqual(['a1']);
    });

    test('starts a page after a key that is not there, or lies outside the prefix', async () => {
      const ledger = make();
      await ledger.transact(['a1', 'a3', 'b1'].map((sort) => put(sort, sort)));
      const sorts = async (query: object) =>
        (await ledger.query({ partition: 'p', ...query })).map(({ sort }) => sort);
      expect(await sorts({ after: 'a2' })).toEqual(['a3', 'b1']);
      expect(await sorts({ prefix: 'b', after: 'a1' })).toEqual(['b1']);
      expect(await sorts({ prefix: 'a', after: 'b1' })).toEqual([]);
      expect(await sorts({ prefix: 'b', after: 'a2', descending: true })).toEqual([]);
      expect(await sorts({ partition: 'nothing' })).toEqual([]);
    });

    test('keeps long bodies and gives long partitions whole', async () => {
      const ledger = make();
      const files = Array.from({ length: 5_000 }, (_, index) => `2026-01-31.20261121T042359123Z.${index}`);
      await ledger.transact([put('run', { files }), put('short', null)]);
      expect((await ledger.get<{ files: string[] }>('p', 'run'))?.body.files).toEqual(files);
      const rows = Array.from({ length: 150 }, (_, index) => put(`row ${1000 + index}`, 'x'.repeat(3_000)));
      await ledger.transact(rows.slice(0, 75));
      await ledger.transact(rows.slice(75));
      expect(await ledger.query({ partition: 'p', prefix: 'row ' })).toHaveLength(150);
    });

    test('adds to the numbers of an item, whoever adds at the same time', async () => {
      const ledger = make();
      const add = (numbers: Readonly<Record<string, number>>) =>
        ledger.transact([{ kind: 'add', partition: 'p', sort: 'sum', numbers }]);
      await add({ files: 1 });
      await Promise.all(Array.from({ length: 10 }, () => add({ files: 2, rows: -1 })));
      expect(await ledger.get('p', 'sum')).toMatchObject({ version: 11, body: { files: 21, rows: -10 } });
    });

    test('keeps an item until it expires at least, and for good once it is written without an end', async () => {
      const ledger = make();
      const put = { kind: 'put', partition: 'expiring', sort: 'a', body: { n: 1 } } as const;
      await ledger.transact([{ ...put, expires: new Date(Date.now() + 60 * 60 * 1000) }]);
      expect(await ledger.get('expiring', 'a')).toMatchObject({ version: 1, body: { n: 1 } });
      expect(await ledger.transact([{ ...put, ifVersion: 1 }])).toBe('done');
      expect(await ledger.get('expiring', 'a')).toMatchObject({ version: 2, body: { n: 1 } });
    });

    test('lets the last of two writes of one item stand', async () => {
      const ledger = make();
      expect(await ledger.transact([put('a', 1), put('b', 1), put('a', 2)])).toBe('done');
      expect((await ledger.get('p', 'a'))?.body).toBe(2);
    });

    test('refuses more writes than DynamoDB takes at once', async () => {
      const writes = Array.from({ length: 101 }, (_, index) => put(String(index), 1));
      await expect(make().transact(writes)).rejects.toBeInstanceOf(TerminalError);
    });
  });
}

/** What every Catalog must do. */
export function describeCatalog(name: string, make: () => Catalog): void {
  const table = { database: 'db', name: 'tbl' };

  describe(`catalogue: ${name}`, () => {
    test('makes a table once and lists it', async () => {
      const catalog = make();
      expect(await catalog.load(table)).toBeUndefined();
      expect(await catalog.create(table, 'm0')).toBe('created');
      expect(await catalog.create(table, 'other')).toBe('exists');
      expect(await catalog.load(table)).toMatchObject({ metadataLocation: 'm0' });
      expect(await catalog.list()).toEqual([table]);
    });

    test('swaps only from the pointer that is named', async () => {
      const catalog = make();
      await catalog.create(table, 'm0');
      const pointer = await catalog.load(table);
      if (pointer === undefined) throw new Error('no pointer');
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => catalog.swap(table, pointer, `m${index + 1}`)),
      );
      expect(answers.filter((answer) => answer === 'swapped')).toHaveLength(1);
      expect(await catalog.swap(table, pointer, 'late')).toBe('conflict');
    });
  });
}

export interface SecretsUnderTest {
  readonly secrets: Secrets;
  /** Puts another text in the place of the stored key, or takes it away. */
  readonly store: (text: string | undefined) => Promise<void>;
}

/** What every Secrets must do. `make` gives a place that holds a key called `pii`, or makes it on first use. */
export function describeSecrets(name: string, make: () => Promise<SecretsUnderTest>): void {
  describe(`secrets: ${name}`, () => {
    test('give the same 32 bytes again and again', async () => {
      const { secrets } = await make();
      const key = await secrets.read('pii');
      expect(key).toHaveLength(32);
      expect(await secrets.read('pii')).toEqual(key);
    });

    test.each([
      ['has vanished', undefined, /missing|there is no/],
      ['is another one', 'ab'.repeat(32), /another key/],
      ['is cut off', 'ab'.repeat(31), /32 bytes/],
      ['is no key', 'not hexadecimal', /32 bytes/],
    ])('stop the load when a key that tokens were made with %s', async (_what, text, message) => {
      const { secrets, store } = await make();
      await secrets.read('pii');
      await store(text);
      const answer = secrets.read('pii');
      await expect(answer).rejects.toBeInstanceOf(TerminalError);
      await expect(answer).rejects.toThrow(message);
    });
  });
}

/** What every QueryEngine must do, in Athena's SQL. */
export function describeQueryEngine(name: string, make: () => QueryEngine): void {
  describe(`query engine: ${name}`, () => {
    test('answers with columns in order, texts, and null for null', async () => {
      const sql =
        "SELECT 1 AS n, 'a' AS t, CAST(NULL AS varchar) AS nothing, CAST(1.50 AS decimal(5,2)) AS d";
      const { columns, rows } = await make().query(sql);
      expect(columns.map((column) => column.name)).toEqual(['n', 't', 'nothing', 'd']);
      expect(rows).toEqual([['1', 'a', null, '1.50']]);
    });

    test('answers with every row of a long result, and with none', async () => {
      const ten = '(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))';
      const many = `SELECT a.x + 10 * b.x + 100 * c.x AS n FROM ${ten} AS a(x), ${ten} AS b(x), ${ten} AS c(x), (VALUES (0), (1)) AS d(x) ORDER BY 1`;
      const { rows } = await make().query(many);
      expect(rows).toHaveLength(2_000);
      expect([rows[0], rows.at(-1)]).toEqual([['0'], ['999']]);
      expect((await make().query('SELECT 1 AS n WHERE 1 = 2')).rows).toEqual([]);
    });

    test('asks nothing for somebody who has given up', async () => {
      const signal = AbortSignal.abort(new TerminalError('stopped', { fault: 'source' }));
      await expect(make().query('SELECT 1 AS n', { signal })).rejects.toThrow('stopped');
    });

    test('refuses what is no query, with the reason', async () => {
      for (const sql of ['SELEC 1', 'SELECT nothing FROM nowhere.at_all']) {
        const answer = make().query(sql);
        await expect(answer).rejects.toBeInstanceOf(TerminalError);
        await expect(answer).rejects.toThrow(/.{20,}/);
      }
    });
  });
}

export interface NotifierUnderTest {
  readonly notifier: Notifier;
  /** Everything that came out at the other end so far, as text. */
  readonly received: () => Promise<readonly string[]>;
}

/** What every Notifier must do. */
export function describeNotifier(name: string, make: () => Promise<NotifierUnderTest>): void {
  const notice: Notice = {
    kind: 'run.held',
    dataset: 'shop/items',
    title: 'shop/items: run R1 is held',
    facts: { run: 'R1', files: 2, reason: 'too many “refused” rows' },
    next: 'headgate hold release R1',
  };

  describe(`notifier: ${name}`, () => {
    test('brings title, reason and next command to the other end, once', async () => {
      const { notifier, received } = await make();
      await notifier.notify(notice);
      const texts = await received();
      for (const part of [notice.title, 'too many “refused” rows', 'headgate hold release R1'])
        expect(texts.filter((each) => each.includes(part))).toHaveLength(1);
    });

    test('takes a notice of any length', async () => {
      const { notifier, received } = await make();
      await notifier.notify({ ...notice, facts: { reason: 'x'.repeat(300_000) } });
      expect((await received()).some((each) => each.includes(notice.title))).toBe(true);
    });
  });
}
