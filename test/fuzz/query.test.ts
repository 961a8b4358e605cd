import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { withDeadline } from '../../lib/adapters/local/query-deadline.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { HeadgateError, LimitError } from '../../lib/errors.ts';
import { router } from '../../lib/intake/route.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { QueryEngine } from '../../lib/ports/query-engine.ts';
import { ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { headgate, ROOT } from '../support/headgate.ts';
import { watchPeak } from '../support/peak-memory.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('fuzz-query');
const outside = join(folder, 'outside');
const CANARY = 'the-canary-in-the-other-file';
let engine: QueryEngine;
let small: QueryEngine;
const scratch = join(folder, 'scratch');
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
  const options = { catalog, storeOf: () => stores.lake, marts: [], ledgerTables: ledgerTables(lake) };
  engine = duckDbQueryEngine(options);
  small = duckDbQueryEngine({ ...options, memory: '128MB', scratch });
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
  const peak = watchPeak();
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
  expect(peak()).toBeLessThan(512 * 1024 * 1024);
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
  ['a billion numbers', () => 'SELECT count(*) FROM range(1000000000) AS a, range(1000000000) AS b'],
  ['a text of a billion characters', () => "SELECT length(repeat('x', 1000000000))"],
  ['a pattern that counts', () => `SELECT regexp_like('${'a'.repeat(3_000)}', '((a{1,100}){1,100}){1,10}b')`],
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

const THOUSAND = `(SELECT a.x + 10 * b.x + 100 * c.x AS x FROM ${['a', 'b', 'c'].map((name) => `(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS ${name}(x)`).join(', ')})`;
const from = (count: number) =>
  Array.from({ length: count }, (_, index) => `${THOUSAND} AS t${index}`).join(', ');
/** A text that is eight times as long with every turn. */
const grown = (turns: number): string =>
  turns === 0
    ? `SELECT CAST(t0.x AS varchar) AS x FROM ${from(1)}`
    : `SELECT concat(x, x, x, x, x, x, x, x) AS x FROM (${grown(turns - 1)}) AS g${turns}`;
const ENDLESS = `SELECT count(*) FROM ${from(6)} WHERE t0.x + t1.x + t2.x + t3.x + t4.x + t5.x < 0`;

const spilling = () =>
  readdirSync(join(folder, 'lake/scratch'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?:^|\/)query-[^/]+$/.test(name),
  );

describe('a query that takes too much', () => {
  const limited = async (sql: string, options: object = {}) => {
    const error: unknown = await small.query(sql, options).catch((thrown: unknown) => thrown);
    if (!(error instanceof LimitError)) throw error;
    expect(readdirSync(scratch)).toEqual([]);
    const { message, facts } = error;
    return { message, limit: facts.limit };
  };

  test('ends when its time is over', async () => {
    const begun = performance.now();
    for (const sql of [ENDLESS, `SELECT t0.x, t1.x FROM ${from(6)} ORDER BY 1, 2`])
      expect(await limited(sql, { seconds: 0.5 })).toEqual({
        limit: 'seconds',
        message: expect.stringMatching(/did not end within 0.5 seconds .* --timeout$/),
      });
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test('ends when the one who asks gives up, with what they say', async () => {
    const signal = AbortSignal.timeout(300);
    const error = await small.query(ENDLESS, { signal }).catch((thrown: unknown) => thrown);
    expect(error).toBe(signal.reason);
  });

  test('ends when it needs more memory than it may take', async () => {
    expect(await limited(`SELECT max(length(x)) FROM (${grown(8)}) AS g`)).toEqual({
      limit: 'memory',
      message: expect.stringMatching(/^the query needs more than the 128MB of memory .* HEADGATE_MEMORY/),
    });
  });

  test('ends when its answer is too long to be held', async () => {
    expect(await limited(`SELECT t0.x, t1.x, t2.x FROM ${from(3)}`)).toEqual({
      limit: 'answer',
      message: expect.stringMatching(/^the answer is longer than 256 MiB; ask for/),
    });
  });

  test('spills to its own folder before that, and answers', async () => {
    const rows = `SELECT t0.x * 1000 + t1.x AS n, concat(CAST(t0.x AS varchar), '-', CAST(t1.x AS varchar), ' ${'some text of a row '.repeat(10)}') AS text FROM ${from(2)}`;
    const sql = `SELECT count(*) FROM (SELECT text, row_number() OVER (ORDER BY text DESC, n) AS r FROM (${rows}) AS a) AS b WHERE r > 0 AND length(text) > 0`;
    expect((await small.query(sql)).rows).toEqual([['1000000']]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('is no longer waited for where it can’t be interrupted', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const begun = performance.now();
    let isDone = false;
    const deaf = async () => {
      await sleep(4_500);
      isDone = true;
    };
    await expect(
      withDeadline(connection, { seconds: 0.2 }, { work: deaf, release: async () => connection.closeSync() }),
    ).rejects.toBeInstanceOf(LimitError);
    expect({ isDone, soon: performance.now() - begun < 4_400 }).toEqual({ isDone: false, soon: true });
  });

  test('on the command line: says so, ends by itself and by Ctrl-C, and leaves nothing behind', async () => {
    const place = ['--home', join(folder, 'lake'), '--contracts', join(ROOT, 'test/cases/good-file')];
    const { code, stderr } = await headgate([...place, 'query', '--timeout', '0.5', ENDLESS]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^headgate: the query did not end within 0.5 seconds and was stopped; .*\n$/,
      ),
    });
    const begun = performance.now();
    const child = spawn(process.execPath, [join(ROOT, 'bin/headgate.mjs'), ...place, 'query', ENDLESS], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = text(child.stderr);
    const ended = once(child, 'exit');
    while (spilling().length === 0 && performance.now() - begun < 30_000) await sleep(50);
    child.kill('SIGINT');
    expect([...(await ended), await said]).toEqual([1, null, 'headgate: the query was stopped\n']);
    expect(spilling()).toEqual([]);
  }, 60_000);
});
