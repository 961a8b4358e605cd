import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { duckDbVersion } from '../../lib/adapters/local/duckdb-session.ts';
import { SPLINK_VERSION } from '../../lib/matching/settings.ts';
import { compile } from '../../lib/plan/compile.ts';
import type { Dialect } from '../../lib/plan/dialect.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { spark } from '../../lib/plan/dialects/spark.ts';
import { engineFor } from '../../lib/plan/engine-choice.ts';
import { failureIn } from '../../lib/plan/spark-failure.ts';
import { DUCKDB_VERSION } from '../../lib/plan/spark-job.ts';
import { ROOT } from '../support/headgate.ts';

const text = { kind: 'text' } as const;
const expressions: readonly (readonly [string, (sql: Dialect) => string, string, string])[] = [
  ['a quoted name', (sql) => sql.ident('a"b`c'), '"a""b`c"', '`a"b``c`'],
  ['a text', (sql) => sql.literal("it's \\n"), "'it''s \\n'", "'it\\'s \\\\n'"],
  ['a type', (sql) => sql.type({ kind: 'timestamp' }), 'TIMESTAMP', 'TIMESTAMP_NTZ'],
  [
    'a decimal',
    (sql) => sql.type({ kind: 'decimal', precision: 38, scale: 2 }),
    'DECIMAL(38,2)',
    'DECIMAL(38,2)',
  ],
  ['text of a text', (sql) => sql.text('x', text), 'CAST(x AS VARCHAR)', 'x'],
  [
    'text of a double',
    (sql) => sql.text('x', { kind: 'double' }),
    'CAST(x AS VARCHAR)',
    'headgate_double_text(x)',
  ],
  ['an item', (sql) => sql.item('a', 0), 'a[1]', 'get(a, 0)'],
  [
    'a month',
    (sql) => sql.partition('d', 'month'),
    "date_diff('month', DATE '1970-01-01', CAST(d AS DATE))",
    '(year(CAST(d AS DATE)) - 1970) * 12 + month(CAST(d AS DATE)) - 1',
  ],
  [
    'a reason',
    (sql) => sql.reason('a', 'b', 'c'),
    "{'code': a, 'column': b, 'rule': c}",
    "named_struct('code', a, 'column', b, 'rule', c)",
  ],
  [
    'a struct',
    (sql) => sql.struct({ "it's": 'a', b: 'c' }),
    "{'it''s': a, 'b': c}",
    "named_struct('it\\'s', a, 'b', c)",
  ],
  [
    'items as rows',
    (sql) => sql.explode('t', ['a', 'b'], 'list'),
    '(SELECT a, b, unnest(list) AS _item FROM t)',
    '(SELECT a, b, _item FROM t LATERAL VIEW explode(list) items AS _item)',
  ],
  [
    'a query',
    (sql) => sql.query(`SELECT count(*) FROM t WHERE "a b" <> 'it''s'`),
    `SELECT count(*) FROM t WHERE "a b" <> 'it''s'`,
    "SELECT count(*) FROM `t` WHERE `a b` <> 'it\\'s'",
  ],
];

test.each(expressions)('%s in DuckDB’s SQL and in Spark’s', (_what, write, inDuckDb, inSpark) => {
  expect(write(duckDb)).toBe(inDuckDb);
  expect(write(spark)).toBe(inSpark);
});

test.each([
  'SELECT avg(x) FROM t',
  'SELECT x / 2 FROM t',
  'SELECT x::INTEGER FROM t',
  "SELECT count(*) FROM t WHERE x LIKE 'a\\%'",
  'SELECT 1; SELECT 2',
])('a query that may mean something else on Spark is refused: %s', (query) => {
  expect(() => spark.query(query)).toThrow('not known to mean the same on Spark');
});

test('texts are judged by the same statement on both engines, and the plan shows its engine', () => {
  for (const dataset of readContracts(join(ROOT, 'contracts'))) {
    const [first, second] = [duckDb, spark].map((sql) =>
      compile(dataset, { runId: 'r', inputs: [], vaultFiles: [] }, sql),
    );
    expect(second?.stage).toBe(first?.stage);
    expect([first?.engine, second?.engine]).toEqual(['duckdb', 'spark']);
  }
});

test('an engine is chosen by force, then contract, then bytes', () => {
  const [dataset] = readContracts(join(ROOT, 'contracts'));
  if (dataset === undefined) throw new Error('no dataset');
  const policy = { sparkFromBytes: 100 };
  expect(engineFor({ ...dataset, engine: 'auto' }, 99, policy).name).toBe('duckdb');
  expect(engineFor({ ...dataset, engine: 'auto' }, 100, policy).name).toBe('spark');
  expect(engineFor({ ...dataset, engine: 'spark' }, 1, policy).name).toBe('spark');
  expect(engineFor({ ...dataset, engine: 'duckdb' }, 1000, policy).name).toBe('duckdb');
  expect(engineFor({ ...dataset, engine: 'spark' }, 1, { ...policy, force: 'duckdb' }).name).toBe('duckdb');
  const measure = { kind: 'sql', query: 'SELECT avg(x) FROM {table}' } as const;
  const check = {
    key: 'k',
    measure,
    unit: 'rows',
    operator: { kind: 'eq', value: 0 },
    severity: 'error',
    action: 'hold',
  } as const;
  expect(engineFor({ ...dataset, engine: 'auto', batchChecks: [check] }, 1000, policy).name).toBe('duckdb');
});

test('one version of DuckDB everywhere: the one that npm pins', () => {
  expect(DUCKDB_VERSION).toBe(duckDbVersion);
  const lists = [
    'glue-scripts/requirements.txt',
    'glue-scripts/requirements-matching.txt',
    'test/requirements/spark.txt',
    'test/requirements/matching.txt',
  ];
  for (const list of lists)
    expect(/^duckdb==(\S+) --hash=sha256:/m.exec(readFileSync(join(ROOT, list), 'utf8'))?.[1]).toBe(
      duckDbVersion,
    );
});

test('one version of Splink everywhere: the one that jobs are made for', () => {
  for (const list of ['glue-scripts/requirements-matching.txt', 'test/requirements/matching.txt'])
    expect(/^splink==(\S+) --hash=sha256:/m.exec(readFileSync(join(ROOT, list), 'utf8'))?.[1]).toBe(
      SPLINK_VERSION,
    );
});

test('a failure is what Spark named last, and without a name it may be tried again', () => {
  const named = 'log\nheadgate-failure {"kind": "poison", "message": "a \\"b\\""}\nat java';
  expect(failureIn(named, 'ended')).toMatchObject({ name: 'PoisonError', message: 'a "b"' });
  const unclear = named.replace('poison', 'unclear');
  expect(failureIn(unclear, 'ended')).toMatchObject({ name: 'UnclearError', message: 'a "b"' });
  expect(failureIn('Killed', 'spark-submit ended with SIGKILL')).toMatchObject({ name: 'TransientError' });
});
