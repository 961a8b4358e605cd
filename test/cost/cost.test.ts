import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { executeCost } from '../../lib/cost/capacity.ts';
import { glueRun, idleCost, lambda, runCost } from '../../lib/cost/cost.ts';
import { compile } from '../../lib/plan/compile.ts';
import { duckDb } from '../../lib/plan/dialects/duckdb.ts';
import { explain } from '../../lib/plan/explain.ts';
import type { PlanInput } from '../../lib/plan/plan.ts';
import { ROOT } from '../support/headgate.ts';
import { configOf, stacksOf } from '../support/stacks.ts';

describe('what it costs', () => {
  test('a GB for a second is a GB-second and a request', () => {
    expect(lambda(1024, 1)).toBeCloseTo(0.0000135334, 12);
    expect(lambda(2048, 3) - lambda(2048, 0)).toBeCloseTo(6 * 0.0000133334, 12);
  });

  test('a Glue run is paid for a minute at least', () => {
    expect(glueRun(2, 14)).toBeCloseTo(0.01466667, 8);
    expect(glueRun(10, 3600)).toBeCloseTo(4.4, 8);
  });

  test('a run is the sum of its calls, transitions and requests', () => {
    const nothing = {
      calls: [],
      transitions: 0,
      s3Writes: 0,
      s3Reads: 0,
      dynamoWrites: 0,
      dynamoReads: 0,
      catalogueRequests: 0,
    };
    expect(runCost(nothing)).toBe(0);
    expect(runCost({ ...nothing, transitions: 8 })).toBeCloseTo(0.0002, 12);
    expect(runCost({ ...nothing, s3Writes: 10, s3Reads: 10 })).toBeCloseTo(0.000054, 12);
  });

  test('an alarm on an expression counts by its metrics, dashboards from the fourth', () => {
    const alarm = {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: { Metrics: [{ MetricStat: {} }, { MetricStat: {} }, {}] },
    };
    const dashboard = { Type: 'AWS::CloudWatch::Dashboard' };
    const costs = idleCost([
      { Resources: { a: alarm, b: dashboard, c: dashboard, d: dashboard, e: dashboard } },
    ]);
    expect(costs).toMatchObject({ alarms: 0.2, dashboards: 3, keys: 0 });
  });

  test('a stage where no file comes stays under 15 USD a month', () => {
    const { data, pipeline, observability, access } = stacksOf(configOf('dev'));
    const costs = idleCost(
      [data, pipeline, observability, access].map((stack) => Template.fromStack(stack).toJSON() as never),
    );
    const total = Object.values(costs).reduce((sum, each) => sum + each, 0);
    expect(total).toBeGreaterThan(4);
    expect(total).toBeLessThan(15);
  });
});

test('a small batch is far cheaper on Lambda, a large one is not', () => {
  const [small, large] = [executeCost(1e6), executeCost(100e9)];
  // 4 GB for 3.02 seconds and a request; two workers for the minute that is paid at least.
  expect(small.duckdb).toBeCloseTo(4 * 3.02 * 0.0000133334 + 0.0000002, 9);
  expect(small.spark).toBeCloseTo((2 * 60 * 0.44) / 3600, 9);
  expect(small.spark / small.duckdb).toBeGreaterThan(50);
  expect(large.spark / large.duckdb).toBeLessThan(15);
});

test('explain says what a GB costs on either engine', () => {
  const [dataset] = readContracts(join(ROOT, 'contracts/retail'));
  if (dataset === undefined) throw new Error('no dataset');
  const plan = compile(dataset, { runId: 'r', inputs: [], vaultFiles: [] }, duckDb);
  const told = (bytes: number) =>
    explain(
      { ...plan, inputs: [{ fileId: 'f', records: 1, bytes, rewrite: false } as PlanInput] },
      { statements: false },
    );
  const perGb = (usd: number) => (usd / 2).toPrecision(2);
  const { duckdb, spark } = executeCost(2e9);
  const line = told(2e9).find((each) => each.includes('list price'));
  expect(line).toContain(`DuckDB on Lambda ${duckdb.toPrecision(2)} USD (${perGb(duckdb)} a GB)`);
  expect(line).toContain(`Spark on Glue ${spark.toPrecision(2)} USD (${perGb(spark)} a GB)`);
});
