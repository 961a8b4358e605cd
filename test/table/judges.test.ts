import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from '@jest/globals';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { writeParquet } from '../../lib/adapters/local/parquet-output.ts';
import { sqliteCatalog } from '../../lib/adapters/local/sqlite-catalog.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { commit } from '../../lib/table/commit.ts';
import type { DataFile } from '../../lib/table/data-file.ts';
import { ensureTable } from '../../lib/table/evolve.ts';
import type { Field } from '../../lib/table/schema.ts';
import { liveFiles, loadTable, snapshotText, type TablePorts } from '../../lib/table/table.ts';
import { describeWithPython } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';

const script = join(import.meta.dirname, 'read_tables.py');
const schema: readonly Field[] = [
  { id: 1, name: 'n', required: false, type: 'long' },
  { id: 2, name: 'i', required: false, type: 'int' },
  { id: 3, name: 's', required: false, type: 'string' },
  { id: 4, name: 'd', required: false, type: 'date' },
  { id: 5, name: 't', required: false, type: 'timestamp' },
  { id: 6, name: 'x', required: false, type: 'decimal(18, 2)' },
  { id: 7, name: 'f', required: false, type: 'double' },
  { id: 8, name: 'b', required: false, type: 'boolean' },
];
const partitionBy = [
  { name: 't_month', column: 't', transform: 'month', expression: duckDb.partition('t', 'month') },
  { name: 's', column: 's', transform: 'identity', expression: 's' },
];

interface Verdict {
  readonly pyiceberg: readonly (readonly (string | null)[])[];
  readonly duckdb: readonly (readonly (string | null)[])[];
  readonly snapshots: number;
  readonly operations: readonly string[];
  readonly totals: readonly number[];
  readonly manifests: number;
  readonly filtered: Readonly<Record<string, readonly [number, number]>>;
}

/** Edges of every type: least and greatest values, zero, signs, null against empty, text beyond ASCII. */
const EDGES = `SELECT * FROM (VALUES
  (-9223372036854775808, -2147483648, NULL, DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59.999999', -9999999999999999.99, -0.0, true),
  (9223372036854775807, 2147483647, '', DATE '9999-12-31', TIMESTAMP '2011-01-31 00:00:00', 9999999999999999.99, 0.0, false),
  (0, 0, 'a/b é=1%', DATE '1970-01-01', NULL, 0.00, 1.5, NULL),
  (-1, 1, 'zebra', DATE '1899-12-31', TIMESTAMP '2011-02-01 00:00:00', -0.01, -1e300, true),
  (128, -129, '😀', DATE '2012-02-29', TIMESTAMP '1970-01-01 00:00:00', 1.28, 'nan'::DOUBLE, false)) AS v(n, i, s, d, t, x, f, b)`;

describeWithPython('iceberg', 'tables as PyIceberg and DuckDB’s iceberg extension read them', (python) => {
  const home = temporaryFolder('judges');

  const setUp = async (name: string) => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run("SET TimeZone = 'UTC'");
    const store = folderStore(join(home, 'lake'));
    const catalogFile = join(home, 'catalog.db');
    const ports: TablePorts = {
      store,
      catalog: sqliteCatalog(catalogFile),
      clock: { now: () => new Date() },
      newId: randomUUID,
    };
    const table = { database: 'db', name };
    await ensureTable(ports, table, { schema, partitionBy });
    const write = (query: string): Promise<readonly DataFile[]> =>
      writeRows(connection, query, join(store.root, 'db', name, 'data', randomUUID()));
    const change = (run: string, add: readonly DataFile[], remove: readonly string[] = [], kept = 0) =>
      commit(ports, table, { runId: run, add, remove, kept, onto: 'retry' });
    const ask = (...predicates: string[]) =>
      python.json<Verdict>(script, catalogFile, 'db', name, ...predicates);
    const live = async () => {
      const loaded = await loadTable(ports, table);
      if (loaded === undefined) throw new Error('no table');
      return liveFiles(store, loaded);
    };
    return { ports, table, write, change, ask, live };
  };

  test('an empty table', async () => {
    const { ask } = await setUp('empty_table');
    expect(await ask()).toMatchObject({ pyiceberg: [], duckdb: [], snapshots: 0 });
  });

  test('edge values of every type, found again by equality and ranges', async () => {
    const { write, change, ask } = await setUp('edges');
    await change('r1', await write(EDGES));
    const predicates = [
      'n = -9223372036854775808',
      'n = 9223372036854775807',
      'n >= 0',
      'n < 0',
      'i = -129',
      'i > 0',
      "s = ''",
      "s = '😀'",
      "s > 'a'",
      's IS NULL',
      "d = '0001-01-01'",
      "d >= '9999-12-31'",
      "d < '1970-01-01'",
      "t = '2011-02-01T00:00:00'",
      "t < '1970-01-01T00:00:00'",
      't IS NULL',
      'x = -0.01',
      'x >= 9999999999999999.99',
      'x < 0',
      'f = 0.0',
      'f < -1000000',
      'b = true',
    ];
    const verdict = await ask(...predicates);
    expect(verdict.pyiceberg).toHaveLength(5);
    expect(verdict.duckdb).toEqual(verdict.pyiceberg);
    const expected = [1, 1, 3, 2, 1, 2, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 2, 1, 2];
    expect(
      Object.fromEntries(Object.entries(verdict.filtered).map(([text, counts]) => [text, counts[1]])),
    ).toEqual(Object.fromEntries(predicates.map((text, index) => [text, expected[index]])));
    for (const [text, [pyiceberg, duckdb]] of Object.entries(verdict.filtered))
      expect({ text, count: pyiceberg }).toEqual({ text, count: duckdb });
  });

  test('append, append, merge, replace a partition, delete all', async () => {
    const { write, change, ask, live } = await setUp('states');
    const rows = (from: number, to: number, more = '0') =>
      `SELECT n, n::INTEGER AS i, 'p' || n % 2 AS s, DATE '2011-01-01' + n::INTEGER AS d, TIMESTAMP '2011-01-01' + to_days(n::INTEGER) AS t, (n + ${more})::DECIMAL(18,2) AS x, n / 2 AS f, n % 2 = 0 AS b FROM range(${from}, ${to}) AS r(n)`;
    await change('r1', await write(rows(0, 50)));
    expect(await ask()).toMatchObject({ snapshots: 1, totals: [50] });
    await change('r2', await write(rows(50, 60)));
    expect((await change('r2', await write(rows(50, 60)))).status).toBe('already');
    expect(await ask()).toMatchObject({ snapshots: 2, totals: [50, 60] });

    const touched = (await live()).filter(({ partition }) => partition[0] === '492' && partition[1] === 'p0');
    await change(
      'r3',
      await write(
        `SELECT * FROM (${rows(0, 60, '1000')}) AS r WHERE date_diff('month', DATE '1970-01-01', t::DATE) = 492 AND s = 'p0'`,
      ),
      touched.map(({ path }) => path),
    );
    const merged = await ask('x >= 1000', "s = 'p0'");
    expect(merged).toMatchObject({
      snapshots: 3,
      totals: [50, 60, 60],
      filtered: { 'x >= 1000': [16, 16], "s = 'p0'": [30, 30] },
    });
    expect(merged.operations).toEqual(['append', 'append', 'overwrite']);
    expect(merged.duckdb).toEqual(merged.pyiceberg);
    expect(merged.pyiceberg).toHaveLength(60);

    await change(
      'r4',
      [],
      (await live()).map(({ path }) => path),
    );
    expect(await ask()).toMatchObject({ pyiceberg: [], duckdb: [], totals: [50, 60, 60, 0] });
    await change('r5', await write(rows(0, 3)));
    expect((await ask()).duckdb).toHaveLength(3);
  });

  test('stays readable and small in manifests after a hundred appends', async () => {
    const { write, change, ask } = await setUp('appends');
    for (let run = 0; run < 100; run++) await change(`r${run}`, await write(`${EDGES} LIMIT 1`));
    const verdict = await ask();
    expect(verdict.pyiceberg).toHaveLength(100);
    expect(verdict.duckdb).toEqual(verdict.pyiceberg);
    expect(verdict.manifests).toBeLessThanOrEqual(41);
  });

  test('keeps every commit of writers that race', async () => {
    const { ports, table, write, ask } = await setUp('race');
    const adds = [];
    for (let run = 0; run < 12; run++) adds.push(await write(`${EDGES} LIMIT 1`));
    await Promise.all(
      adds.map((add, run) =>
        commit(ports, table, { runId: `r${run}`, add, remove: [], kept: 0, onto: 'retry' }),
      ),
    );
    expect(await ask()).toMatchObject({
      snapshots: 12,
      totals: Array.from({ length: 12 }, (_, index) => index + 1),
    });
  });

  test('refuses a change that was planned on another snapshot, a file twice, and a file that is not there', async () => {
    const { ports, table, write, change } = await setUp('refusals');
    const first = await write(EDGES);
    await change('r1', first);
    const base = { runId: 'r2', add: [], remove: [], kept: 0 };
    await expect(commit(ports, table, { ...base, onto: { snapshot: null } })).rejects.toThrow(
      'it has to be planned again',
    );
    const [file] = first;
    if (file === undefined) throw new Error('no file');
    await expect(commit(ports, table, { ...base, add: [file, file], onto: 'retry' })).rejects.toThrow(
      'adds a file twice',
    );
    await expect(commit(ports, table, { ...base, remove: ['/nowhere'], onto: 'retry' })).rejects.toThrow(
      'not in the table',
    );
    const loaded = await loadTable(ports, table);
    if (loaded === undefined) throw new Error('no table');
    expect(loaded.metadata.snapshots).toHaveLength(1);
    expect(snapshotText(loaded)).toMatch(/^\d+$/);
  });
});

const writeRows = (
  connection: DuckDBConnection,
  query: string,
  directory: string,
): Promise<readonly DataFile[]> =>
  writeParquet(connection, { query, schema, partitionBy, directory, classified: [] });
