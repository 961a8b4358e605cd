import { describe, expect, test } from '@jest/globals';
import { ConflictError, TerminalError } from '../../lib/errors.ts';
import type { Catalog } from '../../lib/ports/catalog.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';

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
