import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { byFieldId } from '../../lib/plan/parquet-copy.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { expire, neededKeys } from '../../lib/table/expire.ts';
import { rollback } from '../../lib/table/rollback.ts';
import { asOf, snapshots } from '../../lib/table/snapshots.ts';
import { liveFiles, shapeOf, type Table } from '../../lib/table/table.ts';
import { ROOT } from '../support/headgate.ts';
import { describeWithJudges, interpreterOf } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tableStory } from './table-story.ts';

const home = temporaryFolder('history');
const DAY = 86_400_000;
const schema = [{ id: 1, name: 'n', type: 'int', required: false }] as const;

/** A table into which each run puts one row with its number. */
async function setUp(name: string) {
  const story = await tableStory(home, name, { schema, partitionBy: [] });
  const { change, write, ports, table, connection } = story;
  const put = async (n: number) => (await change(`r${n}`, await write(`r${n}`, `SELECT ${n} AS n`))).snapshot;
  const numbers = async (at?: Table): Promise<readonly number[]> => {
    const seen = at ?? (await story.load());
    const paths = (await liveFiles(ports.store, seen)).map(({ path }) => `'${path}'`);
    if (paths.length === 0) return [];
    const columns = byFieldId(shapeOf(seen.metadata).schema);
    const rows = await connection.runAndReadAll(
      `SELECT * FROM read_parquet([${paths.join()}], ${columns}) ORDER BY 1`,
    );
    return rows.getRows().map(([n]) => Number(n));
  };
  const back = (toSnapshot: string | null, runId: string) => rollback(ports, table, { toSnapshot, runId });
  const clean = (openRuns: readonly string[] = [], keep = 1, with_ = ports) =>
    expire(with_, table, { grace: DAY, keep, openRuns });
  const keys = async () => {
    const found: string[] = [];
    for await (const { key } of ports.store.list(`${story.folder}/`)) found.push(key);
    return found;
  };
  return { ...story, put, numbers, back, clean, keys };
}

describe('rollback', () => {
  test('withdraws the runs after a snapshot, once, and says which', async () => {
    const { put, numbers, back, load } = await setUp('withdraws');
    const first = await put(1);
    await put(2);
    await put(3);
    const done = await back(first, 'b1');
    expect(done).toMatchObject({ status: 'committed', withdrawn: ['r3', 'r2'], restored: [] });
    expect(await numbers()).toEqual([1]);
    await put(4);
    expect(await back(first, 'b1')).toEqual({ ...done, status: 'already' });
    expect(await numbers()).toEqual([1, 4]);
    expect(snapshots(await load()).map(({ runId, state, rows }) => [runId, state, rows])).toEqual([
      ['r1', 'past', 1],
      ['r2', 'withdrawn', 2],
      ['r3', 'withdrawn', 3],
      ['b1', 'past', 1],
      ['r4', 'current', 2],
    ]);
  });

  test('lets a withdrawn run be committed again, and one that still stands not', async () => {
    const { put, numbers, back, change, write } = await setUp('replays');
    const first = await put(1);
    const second = await write('r2', 'SELECT 2 AS n');
    await change('r2', second);
    await back(first, 'b1');
    expect((await change('r2', second)).status).toBe('committed');
    expect((await change('r2', second)).status).toBe('already');
    expect((await change('r1', second)).status).toBe('already');
    expect(await numbers()).toEqual([1, 2]);
  });

  test('goes back to nothing, and forth again', async () => {
    const { put, numbers, back } = await setUp('forth');
    await put(1);
    const second = await put(2);
    expect(await back(null, 'b1')).toMatchObject({ withdrawn: ['r2', 'r1'], restored: [] });
    expect(await numbers()).toEqual([]);
    expect(await back(second, 'b2')).toMatchObject({ restored: ['r2', 'r1'], withdrawn: ['b1'] });
    expect(await numbers()).toEqual([1, 2]);
  });

  test('refuses a snapshot that is not there and names those that are', async () => {
    const { put, back } = await setUp('unknown');
    const first = await put(1);
    await expect(back('17', 'b1')).rejects.toThrow(`has no snapshot 17; allowed: ${first}`);
  });
});

describe('a table as it was', () => {
  test('is found by snapshot and by time, with the columns it had', async () => {
    const { put, numbers, load, evolve, back, change, write } = await setUp('as_of');
    const first = await put(1);
    const wanted = [...schema, { id: 0, name: 'more', type: 'string', required: false }] as const;
    await evolve({ schema: wanted, partitionBy: [] });
    await change('r2', await write('r2', "SELECT 2 AS n, 'x' AS more"));
    const seen = new Date((await load()).metadata['last-updated-ms']);
    await back(first, 'b1');
    const table = await load();
    const names = (at: Table) => shapeOf(at.metadata).schema.map(({ name }) => name);
    expect(names(table)).toEqual(['n', 'more']);
    expect(names(asOf(table, { snapshot: first }))).toEqual(['n']);
    expect(await numbers(asOf(table, { snapshot: first }))).toEqual([1]);
    expect(await numbers(asOf(table, { time: seen }))).toEqual([1, 2]);
    expect(await numbers(table)).toEqual([1]);
    expect(await numbers(asOf(table, { time: new Date(0) }))).toEqual([]);
    const [, ...log] = table.metadata['snapshot-log'];
    const forgetful = { ...table, metadata: { ...table.metadata, 'snapshot-log': log } };
    expect(() => asOf(forgetful, { time: new Date(0) })).toThrow('is not known; known since');
  });
});

describe('expiry', () => {
  test('forgets old snapshots and removes what only they needed', async () => {
    const { put, numbers, clean, pass, change, live, write, load, keys } = await setUp('expiry');
    await put(1);
    const old = await live();
    await change('r2', await write('r2', 'SELECT 2 AS n'), { remove: old.map(({ path }) => path) });
    expect(await clean()).toEqual({ snapshots: 0, files: 0, bytes: 0 });
    pass(2 * DAY);
    // The first snapshot was readable until the second one came, just now by the table's clock: still within the grace.
    await put(3);
    const { snapshots: forgotten, files } = await clean();
    expect({ forgotten, files: files > 0 }).toEqual({ forgotten: 1, files: true });
    expect(await numbers()).toEqual([2, 3]);
    const left = new Set(await keys());
    expect(left.has(`db/expiry${old[0]?.path.split('/db/expiry')[1]}`)).toBe(false);
    expect(await neededKeys((await setUp('expiry')).ports.store, await load())).toEqual(left);
    expect(snapshots(await load()).map(({ runId }) => runId)).toEqual(['r2', 'r3']);
  });

  test('keeps as many as it is told, the snapshots of open runs and their files, and no line with a hole', async () => {
    const { put, clean, pass, load, write, keys, ports } = await setUp('keeps');
    for (let n = 1; n <= 5; n++) await put(n);
    await write('r9', 'SELECT 9 AS n');
    await write('dead', 'SELECT 10 AS n');
    pass(10 * DAY);
    expect(await clean(['r3', 'r9'], 2)).toMatchObject({ snapshots: 2, files: expect.any(Number) });
    expect(snapshots(await load()).map(({ runId }) => runId)).toEqual(['r3', 'r4', 'r5']);
    expect((await keys()).filter((key) => key.includes('/data/r9/'))).toHaveLength(1);
    expect((await keys()).filter((key) => key.includes('/data/dead/'))).toHaveLength(0);
    await clean([], 2);
    expect(snapshots(await load()).map(({ runId }) => runId)).toEqual(['r4', 'r5']);
    await clean([], 1);
    expect(new Set(await keys())).toEqual(await neededKeys(ports.store, await load()));
  });

  test('forgets withdrawn snapshots by the time they were rolled back', async () => {
    const { put, clean, pass, load, back, numbers } = await setUp('withdrawn');
    const first = await put(1);
    await put(2);
    pass(2 * DAY);
    await back(first, 'b1');
    await clean([], 2);
    expect(snapshots(await load()).map(({ runId }) => runId)).toEqual(['r1', 'r2', 'b1']);
    pass(2 * DAY);
    await clean([], 2);
    expect(snapshots(await load()).map(({ runId }) => runId)).toEqual(['r1', 'b1']);
    expect(await numbers()).toEqual([1]);
  });

  test('loses nothing when it dies at any removal, and finishes the next time', async () => {
    const { put, clean, pass, change, live, write, numbers, ports, keys, load } = await setUp('dies');
    for (let n = 1; n <= 3; n++) await put(n);
    const old = (await live()).map(({ path }) => path);
    await change('r4', await write('r4', 'SELECT 4 AS n'), { remove: old });
    pass(2 * DAY);
    await put(5);
    for (let allowed = 0; ; allowed++) {
      const dying = { ...ports, store: mortal(ports.store, allowed) };
      const died = await clean([], 1, dying).then(
        () => false,
        () => true,
      );
      expect(await numbers()).toEqual([4, 5]);
      if (!died) break;
    }
    expect(new Set(await keys())).toEqual(await neededKeys(ports.store, await load()));
  });

  test('refuses a grace in which commits in flight would lose their files', async () => {
    const { ports, table } = await setUp('grace');
    await expect(expire(ports, table, { grace: 1000, keep: 1, openRuns: [] })).rejects.toThrow(
      'allowed: at least',
    );
    await expect(expire(ports, table, { grace: DAY, keep: 0, openRuns: [] })).rejects.toThrow(
      'allowed: at least',
    );
  });
});

const WRITER = `
import os, signal, sys
from headgate_spark import storage
with storage.writable(sys.argv[1]) as (local, publish):
    for name in ("whole.parquet", "t_month=492.parquet"):
        with open(os.path.join(local, name), "w") as file:
            file.write("PAR1")
    publish(os.path.join(local, "whole.parquet"))
    os.kill(os.getpid(), signal.SIGKILL)
`;

describeWithJudges(['spark'], 'what Spark leaves', () => {
  test('of a task that was killed while it wrote is removed by the next expiry, and of an open run it stays', async () => {
    const { put, clean, pass, keys, numbers, ports, folder } = await setUp('attempts');
    await put(1);
    for (const run of ['dead', 'r9']) {
      const attempt = join(ports.store.root, folder, 'data', run, 'attempt');
      const options = { env: { PYTHONPATH: join(ROOT, 'glue-scripts') } };
      const writer = promisify(execFile)(interpreterOf('spark'), ['-B', '-c', WRITER, attempt], options);
      await expect(writer).rejects.toMatchObject({ signal: 'SIGKILL' });
    }
    await clean(['r9']);
    const left = async (run: string) => (await keys()).filter((key) => key.includes(`/data/${run}/`)).length;
    expect([await left('dead'), await left('r9')]).toEqual([2, 2]);
    pass(2 * DAY);
    await clean(['r9']);
    expect([await left('dead'), await left('r9')]).toEqual([0, 2]);
    expect(await numbers()).toEqual([1]);
  });
});

/** A store in whose process death comes after so many removals. */
function mortal(store: ObjectStore, removals: number): ObjectStore {
  let left = removals;
  return {
    ...store,
    root: store.root,
    remove: async (key) => {
      if (left-- <= 0) throw new Error('the process died');
      return store.remove(key);
    },
  };
}
