import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { duckDbRewrite } from '../../lib/adapters/local/duckdb-rewrite.ts';
import { compactionGroups, compact as compactTable } from '../../lib/table/compact.ts';
import type { LiveFile } from '../../lib/table/manifests.ts';
import { snapshots } from '../../lib/table/snapshots.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tableStory } from './table-story.ts';

const file = (path: string, bytes: number, partition: string | null = 'p'): LiveFile => ({
  path,
  bytes,
  rows: bytes,
  partition: [partition],
  lowerText: () => undefined,
  upperText: () => undefined,
  columnBytes: () => undefined,
});
const groups = (files: readonly LiveFile[]) =>
  compactionGroups(files, 100).map(({ files: list }) => list.map(({ path }) => path));

describe('what a compaction writes together', () => {
  test('small files of one partition, never of two', () => {
    const small = ['a', 'b', 'c', 'd', 'e'].flatMap((name) => [
      file(`${name}1`, 5, null),
      file(`${name}2`, 5, ''),
    ]);
    expect(groups(small)).toEqual([
      ['a1', 'b1', 'c1', 'd1', 'e1'],
      ['a2', 'b2', 'c2', 'd2', 'e2'],
    ]);
  });

  test('leaves files alone that are large enough, few, or have no company', () => {
    expect(groups([file('large', 75), file('larger', 300), file('one', 1)])).toEqual([]);
    expect(groups(['a', 'b', 'c', 'd'].map((name) => file(name, 5)))).toEqual([]);
  });

  test('writes two files together that fill one', () => {
    expect(groups([file('a', 50), file('b', 49), file('c', 70)])).toEqual([['a', 'b']]);
  });

  test('never exceeds the target, never names a file twice, ends by itself', () => {
    const files = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 120 }), partition: fc.constantFrom('p', 'q') }),
    );
    fc.assert(
      fc.property(files, (list) => {
        const all = list.map(({ bytes, partition }, index) => file(String(index), bytes, partition));
        const found = compactionGroups(all, 100);
        const used = found.flatMap(({ files: together }) => together.map(({ path }) => path));
        expect(new Set(used).size).toBe(used.length);
        const written: LiveFile[] = [];
        for (const [index, { files: together, partition }] of found.entries()) {
          const bytes = together.reduce((sum, each) => sum + each.bytes, 0);
          expect(bytes).toBeLessThanOrEqual(100);
          expect(together.length).toBeGreaterThan(1);
          expect(together.every((each) => each.partition[0] === partition[0])).toBe(true);
          written.push(file(`new-${index}`, bytes, partition[0]));
        }
        // Doing it again and again comes to an end: every round leaves fewer files.
        const after = [...all.filter(({ path }) => !used.includes(path)), ...written];
        expect(after.length).toBeLessThanOrEqual(all.length - found.length);
      }),
    );
  });
});

describe('a compaction', () => {
  const home = temporaryFolder('compact');
  const schema = [
    { id: 1, name: 'n', type: 'long', required: true },
    { id: 2, name: '_source_file', type: 'string', required: true },
    { id: 3, name: '_source_row', type: 'long', required: true },
    { id: 4, name: '_run_id', type: 'string', required: true },
  ] as const;
  const setUp = async (name: string) => {
    const story = await tableStory(home, name, { schema, partitionBy: [] });
    const add = async (run: number) =>
      story.change(
        `r${run}`,
        await story.write(
          `r${run}`,
          `SELECT ${run} AS n, 'file-${run}' AS _source_file, 1 AS _source_row, 'r${run}' AS _run_id`,
        ),
      );
    for (let run = 1; run <= 6; run++) await add(run);
    return { ...story, add };
  };

  test('keeps where rows came from and what the newest file is, once however often it is asked', async () => {
    const { compact, live, load, connection } = await setUp('kept');
    expect(await compact('c1')).toMatchObject({
      status: 'committed',
      filesBefore: 6,
      filesAfter: 1,
      rows: 6,
    });
    expect(await compact('c1')).toMatchObject({ status: 'already' });
    expect(await compact('c2')).toMatchObject({ status: 'nothing' });
    const files = await live();
    expect(files.map((each) => [each.rows, each.upperText(2)])).toEqual([[6, 'file-6']]);
    const rows = await connection.runAndReadAll(
      `SELECT n::INT, _source_file, _run_id FROM read_parquet('${files[0]?.path}') ORDER BY n LIMIT 1`,
    );
    expect(rows.getRows()).toEqual([[1, 'file-1', 'r1']]);
    expect(snapshots(await load()).at(-1)).toMatchObject({
      operation: 'replace',
      rows: 6,
      files: 1,
      addedRows: 6,
      removedRows: 6,
      runId: 'c1',
      state: 'current',
    });
  });

  test('keeps what was appended meanwhile, and gives way to a run that replaced one of its files', async () => {
    const { ports, add, live, compact, change, table } = await setUp('meanwhile');
    const rewrite = duckDbRewrite({ store: ports.store, classified: [], scratch: `${home}/scratch-2` });
    const during = (meanwhile: () => Promise<unknown>, runId: string) =>
      compactTable(ports, table, {
        runId,
        rewrite: async (work) => {
          const written = await rewrite(work);
          await meanwhile();
          return written;
        },
      });
    await during(() => add(7), 'c1');
    expect((await live()).map(({ rows }) => rows).sort()).toEqual([1, 6]);
    for (let run = 8; run <= 11; run++) await add(run);
    const victim = (await live()).find(({ rows }) => rows === 1);
    await expect(during(() => change('d1', [], { remove: [victim?.path ?? ''] }), 'c2')).rejects.toThrow(
      'it has to be planned again',
    );
    expect(await compact('c3')).toMatchObject({ status: 'committed', rows: 10 });
  });

  test('changes nothing when fewer rows were written than read', async () => {
    const { ports, table, live } = await setUp('loss');
    await expect(compactTable(ports, table, { runId: 'c1', rewrite: async () => [] })).rejects.toThrow(
      'read 6 rows and wrote 0',
    );
    expect(await live()).toHaveLength(6);
  });
});
