import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT, SHARED } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { SparkServer } from '../support/spark-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { type Batches, differences, type Outcome, outcomeOf } from './outcome.ts';

const cases = join(ROOT, 'test/cases');

describeWithPython('spark', 'the same rows from Spark as from DuckDB', () => {
  const folder = temporaryFolder('parity');
  let spark: SparkServer;
  beforeAll(() => {
    spark = new SparkServer(folder);
  });
  afterAll(() => spark.stop());

  /** Both engines from the same bytes; every published, quarantined and vaulted row, tally, choice and bound must be equal. */
  const both = async (
    name: string,
    batches: Pick<Batches, 'contracts' | 'landings' | 'dataset'>,
  ): Promise<Outcome> => {
    const run = (engine: 'duckdb' | 'spark') =>
      outcomeOf({ ...batches, home: join(folder, name, engine), engine, spark: spark.launch });
    const expected = await run('duckdb');
    const found = await run('spark');
    expect(differences(expected, found)).toEqual([]);
    if (expected.runs.length > 0) expect([expected.engines, found.engines]).toEqual([['duckdb'], ['spark']]);
    return found;
  };

  const loadable = readdirSync(cases).filter((name) => {
    const { exitCode } = JSON.parse(readFileSync(join(cases, name, 'expected.json'), 'utf8')) as {
      exitCode: number;
    };
    return exitCode !== 1 && existsSync(join(cases, name, 'landing'));
  });
  test.each(loadable)('golden case %s', async (name) => {
    await both(name, { contracts: join(cases, name), landings: [join(cases, name, 'landing')] });
  });

  test('the samples of every feed', async () => {
    const { tables } = await both('samples', {
      contracts: join(ROOT, 'contracts'),
      landings: [join(ROOT, 'samples')],
    });
    expect(Object.values(tables).filter((rows) => rows.length > 0).length).toBeGreaterThan(5);
  });

  test('retail: 95 real days', async () => {
    const { tables } = await both('retail', {
      contracts: join(ROOT, 'contracts'),
      landings: [join(SHARED, 'data/retail/by-day')],
      dataset: 'retail/sales',
    });
    expect(tables['retail.sales']?.length).toBeGreaterThan(140_000);
  });

  test('talpa: real orders', async () => {
    const landing = join(folder, 'talpa-landing');
    mkdirSync(landing);
    cpSync(join(SHARED, 'data/talpa/sample.csv'), join(landing, 'sample.csv'));
    const { tables } = await both('talpa', {
      contracts: join(ROOT, 'contracts'),
      landings: [landing],
      dataset: 'orders/orders',
    });
    expect(tables['orders.orders']).toHaveLength(200);
  });
});
