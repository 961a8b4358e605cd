import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { HeadgateError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { QueryEngine } from '../../lib/ports/query-engine.ts';
import { ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('fuzz-query');
const outside = join(folder, 'outside');
const CANARY = 'the-canary-in-the-other-file';
let engine: QueryEngine;
let ownFiles: readonly string[] = [];

beforeAll(async () => {
  mkdirSync(outside, { recursive: true });
  for (const name of ['secret.csv', 'secret.json', 'secret.txt'])
    writeFileSync(join(outside, name), name.endsWith('json') ? `{"a":"${CANARY}"}\n` : `a\n${CANARY}\n`);
  const notifier = { notify: async () => undefined };
  const home = join(folder, 'lake');
  const lake = openLake({ home, contracts: join(ROOT, 'test/cases/good-file'), notifier });
  mkdirSync(join(home, 'landing/shop/2026-01-01'), { recursive: true });
  writeFileSync(join(home, 'landing/shop/2026-01-01/a.csv'), 'id,name,amount\n1,one,1.50\n2,two,2.50\n');
  const { landing, stores, ledger, catalog } = lake;
  await work(
    {
      services: lake,
      ports: { landing, raw: stores.raw, ledger, notifier },
      start: (dataset) => runStateMachine(lake, dataset),
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );
  engine = duckDbQueryEngine({
    catalog,
    storeOf: () => stores.lake,
    marts: [],
    ledgerTables: ledgerTables(lake),
  });
  ownFiles = readdirSync(home, { recursive: true, encoding: 'utf8' }).map((name) => join(home, name));
});

/** Every file below the folder with its size and time: a write anywhere in it would be seen. */
const standing = (): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.db(-shm|-wal)?$/.test(name))
    .map((name) => `${name} ${statSync(join(folder, name)).size} ${statSync(join(folder, name)).mtimeMs}`)
    .sort();

/** Answers, or refuses with an error of ours; in either case soon, with nothing of what lies outside and nothing written. */
async function asked(sql: string): Promise<'answered' | 'refused'> {
  const before = standing();
  const begun = performance.now();
  const memory = process.memoryUsage().rss;
  let said = '';
  let outcome: 'answered' | 'refused' = 'answered';
  try {
    said = JSON.stringify((await engine.query(sql)).rows);
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    said = error.message;
    outcome = 'refused';
  }
  expect({ sql, leaks: said.includes(CANARY) || said.includes('root:') }).toEqual({ sql, leaks: false });
  expect({ sql, files: standing() }).toEqual({ sql, files: before });
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(process.memoryUsage().rss - memory).toBeLessThan(512 * 1024 * 1024);
  return outcome;
}

test('the harness sees an answer, and would see the canary', async () => {
  expect(await asked('SELECT name FROM shop.items ORDER BY id')).toBe('answered');
  await expect(asked(`SELECT '${CANARY}' AS a FROM shop.items`)).rejects.toThrow('leaks');
});

const secret = () => join(outside, 'secret.csv');
/** Ways in which DuckDB reads, writes, loads or changes something. */
const ATTACKS: readonly (readonly [string, () => string])[] = [
  ['a function that reads CSV', () => `SELECT * FROM read_csv('${secret()}')`],
  ['one that finds out how', () => `SELECT * FROM read_csv_auto('/etc/passwd')`],
  ['in capitals', () => `SELECT * FROM READ_CSV('${secret()}')`],
  ['with a comment in between', () => `SELECT * FROM read_csv/**/('${secret()}')`],
  ['quoted', () => `SELECT * FROM "read_csv"('${secret()}')`],
  ['quoted with a blank', () => `SELECT * FROM "read_csv" ('${secret()}')`],
  ['in backticks', () => `SELECT * FROM \`read_csv\`('${secret()}')`],
  ['in brackets', () => `SELECT * FROM [read_csv]('${secret()}')`],
  ['with a schema', () => `SELECT * FROM main.read_csv('${secret()}')`],
  ['behind a name with an apostrophe', () => `SELECT 1 AS "a'", read_text('${secret()}') AS "b'"`],
  ['behind two dashes in a name', () => `SELECT 1 AS "--", * FROM read_csv('${secret()}')`],
  ['in an escaped text', () => `SELECT * FROM read_text(U&'${secret()}')`],
  ['text', () => `SELECT content FROM read_text('${secret()}')`],
  ['bytes', () => `SELECT content FROM read_blob('/etc/passwd')`],
  ['JSON', () => `SELECT * FROM read_json('${join(outside, 'secret.json')}')`],
  ['Parquet', () => `SELECT * FROM read_parquet('${secret()}')`],
  ['names of files', () => `SELECT * FROM glob('${outside}/*')`],
  ['the file as a table', () => `SELECT * FROM '${secret()}'`],
  ['the file as a quoted table', () => `SELECT * FROM "${secret()}"`],
  ['the file in a schema', () => `SELECT * FROM shop."${secret()}"`],
  ['an address', () => "SELECT * FROM 'https://127.0.0.1:1/a.csv'"],
  [
    'another table of the lake by its path',
    () => `SELECT * FROM '${ownFiles.find((name) => name.endsWith('.csv')) ?? 'none.csv'}'`,
  ],
  ['the ledger by its path', () => `ATTACH '${join(folder, 'lake/ledger.db')}' AS l (TYPE sqlite)`],
  ['COPY of a table', () => `COPY shop.items TO '${join(outside, 'out.csv')}'`],
  ['COPY of a query', () => `COPY (SELECT 1) TO '${join(outside, 'out.parquet')}'`],
  ['COPY into a table', () => `COPY shop.items FROM '${secret()}'`],
  ['EXPORT', () => `EXPORT DATABASE '${join(outside, 'export')}'`],
  ['IMPORT', () => `IMPORT DATABASE '${outside}'`],
  ['ATTACH', () => `ATTACH '${join(outside, 'new.db')}'`],
  ['INSTALL', () => 'INSTALL httpfs'],
  ['LOAD', () => `LOAD '${secret()}'`],
  ['SET', () => 'SET enable_external_access = true'],
  ['RESET', () => 'RESET allowed_paths'],
  ['PRAGMA', () => 'PRAGMA database_list'],
  ['a setting', () => "SELECT current_setting('home_directory')"],
  ['a variable of the environment', () => "SELECT getenv('HOME')"],
  ['CALL', () => 'CALL pragma_database_list()'],
  ['CREATE TABLE', () => `CREATE TABLE shop.t AS SELECT * FROM '${secret()}'`],
  ['CREATE MACRO', () => `CREATE MACRO f() AS TABLE SELECT * FROM read_csv('${secret()}')`],
  ['CREATE SECRET', () => "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')"],
  ['DROP', () => 'DROP VIEW shop.items'],
  ['DELETE', () => 'DELETE FROM shop.items'],
  ['UPDATE', () => "UPDATE shop.items SET name = 'x'"],
  ['INSERT', () => 'INSERT INTO headgate.files SELECT * FROM headgate.files'],
  ['a second statement', () => `SELECT 1; COPY shop.items TO '${join(outside, 'out.csv')}'`],
  ['a second statement in a comment', () => `SELECT 1 /* ; */; SET lock_configuration = false`],
  ['EXPLAIN ANALYZE of a write', () => `EXPLAIN ANALYZE COPY shop.items TO '${join(outside, 'out.csv')}'`],
  ['PREPARE', () => `PREPARE p AS COPY shop.items TO '${join(outside, 'out.csv')}'`],
  ['a pivot over a file', () => `PIVOT '${secret()}' ON a`],
  ['FROM first', () => `FROM '${secret()}'`],
  ['SUMMARIZE', () => `SUMMARIZE '${secret()}'`],
  ['DESCRIBE', () => `DESCRIBE SELECT * FROM '${secret()}'`],
  ['a common table that hides a file', () => `WITH a AS (SELECT * FROM '${secret()}') SELECT * FROM a`],
  [
    'a recursion without end',
    () => 'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t',
  ],
  ['nothing', () => ''],
  ['a NUL', () => 'SELECT \u0000 1'],
  ['ten thousand parentheses', () => `SELECT ${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
  ['two thousand subqueries', () => `${'SELECT * FROM ('.repeat(2_000)}SELECT 1 AS a${')'.repeat(2_000)}`],
  ['a megabyte of one expression', () => `SELECT ${'1+'.repeat(500_000)}1`],
];

test.each(ATTACKS)(
  '%s is refused',
  async (_what, sql) => {
    expect(await asked(sql())).toBe('refused');
  },
  60_000,
);

test('whatever the statement, it answers or is refused, reads nothing else and writes nothing', async () => {
  const path = fc.constantFrom('secret.csv', 'secret.json', 'secret.txt').map((name) => join(outside, name));
  const gap = fc.constantFrom('', ' ', '\n', '/**/', '--\n', '\t', '\u00a0');
  const quoted = (name: string) =>
    fc.constantFrom(name, `"${name}"`, `\`${name}\``, name.toUpperCase(), `main.${name}`);
  const reader = fc
    .constantFrom(
      'read_csv',
      'read_text',
      'read_blob',
      'read_json',
      'parquet_scan',
      'glob',
      'sniff_csv',
      'query',
      'query_table',
    )
    .chain(quoted);
  const call = fc.tuple(reader, gap, path).map(([name, between, file]) => `${name}${between}('${file}')`);
  const source = fc.oneof(
    call,
    path.map((file) => `'${file}'`),
    path.map((file) => `"${file}"`),
    fc.constantFrom('shop.items', 'headgate.files', '(SELECT 1)'),
  );
  const expression = fc.oneof(
    fc.constantFrom('*', 'count(*)', '1', "'x'", 'id', 'NULL', "upper('a')", '1/0', "CAST('x' AS integer)"),
    call,
  );
  const tail = fc.constantFrom(
    '',
    ';',
    '; SELECT 1',
    ' LIMIT 5',
    ' UNION ALL SELECT 1',
    " WHERE name LIKE '%'",
    ' -- end',
    ' ORDER BY 1',
  );
  const select = fc
    .tuple(gap, expression, source, tail)
    .map(([between, what, from, end]) => `SELECT${between} ${what} FROM ${from}${end}`);
  const write = fc
    .tuple(
      fc.constantFrom(
        'COPY',
        'EXPORT DATABASE',
        'ATTACH',
        'INSTALL',
        'LOAD',
        'SET',
        'CREATE TABLE',
        'INSERT INTO',
      ),
      source,
      path,
    )
    .map(([verb, what, file]) => `${verb} ${what} TO '${file}.out'`);
  const statement = fc.oneof(
    { weight: 4, arbitrary: select },
    { weight: 1, arbitrary: write },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  );
  await fc.assert(
    fc.asyncProperty(statement, async (sql) => void (await asked(sql))),
    {
      numRuns: 150,
      interruptAfterTimeLimit: 30_000,
      markInterruptAsFailure: false,
    },
  );
}, 120_000);
