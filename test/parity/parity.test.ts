import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROOT, SHARED } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { SparkServer } from '../support/spark-server.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { CONTRACT, hostileCsv } from './hostile.ts';
import { type Batches, differences, type Outcome, outcomeOf } from './outcome.ts';

/** For a million rows: HEADGATE_PARITY_ROWS=1000000 npm run test:parity */
const { HEADGATE_PARITY_SEED: SEED, HEADGATE_PARITY_ROWS: ROWS } = process.env;
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
    batches: Pick<Batches, 'contracts' | 'landings' | 'dataset' | 'taskBytes'>,
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

  test('generated hostile values, in files that Spark cuts into pieces, with a second batch that merges', async () => {
    const seed = Number(SEED ?? Date.now() % 1_000_000);
    console.log(`hostile values of seed ${seed}; again with HEADGATE_PARITY_SEED=${seed}`);
    const contracts = join(folder, 'hostile-contract');
    mkdirSync(contracts);
    writeFileSync(join(contracts, 'hostile.odcs.yaml'), CONTRACT);
    const landings = [0, 1].map((number) => {
      const landing = join(folder, `hostile-landing-${number}`);
      const day = join(landing, `shop/2026-01-0${number + 1}`);
      mkdirSync(day, { recursive: true });
      writeFileSync(join(day, 'a.csv'), hostileCsv(Number(ROWS ?? 10_000) / 2, seed + number));
      return landing;
    });
    const { tables, problems } = await both('hostile', { contracts, landings, taskBytes: 200_000 });
    expect(problems).toEqual([]);
    for (const name of ['shop.hostile', 'shop_quarantine.hostile', 'shop_vault.hostile'])
      expect(tables[name]?.length).toBeGreaterThan(10);
  }, 3_600_000);

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
