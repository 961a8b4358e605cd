import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import {
  demandOf,
  glueCapacity,
  limitsOf,
  PER_EXECUTION,
  PER_FILE,
  PER_ROUND,
  ROUNDS_OF_EXECUTION,
} from '../../lib/cost/capacity.ts';
import { capacityPage, PROD } from '../../lib/cost/capacity-page.ts';
import { fixedRoute } from '../../lib/intake/route.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { DEFAULT_LIMITS } from '../../lib/pipeline/services.ts';
import { work } from '../../lib/pipeline/work.ts';
import type { Ledger } from '../../lib/ports/ledger.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { ROOT } from '../support/headgate.ts';
import { configOf } from '../support/stacks.ts';
import { temporaryFolder } from '../support/temporary.ts';

const scratch = temporaryFolder('capacity');
const MONDAY = new Date('2026-01-05T10:00:00Z');
const shape = { bytesAFile: 100_000, datasets: 20 };
const demand = (filesAMinute: number) => demandOf({ ...shape, filesAMinute }, PROD);
const limit = (service: string, of = shape) =>
  limitsOf(of, PROD).find((each) => each.service === service)?.filesASecond;

describe('what a load takes', () => {
  test('rare files are a round each', () => {
    const { filesARound, roundsAMinute, intakeConcurrency } = demand(10);
    expect(filesARound).toBe(1);
    expect(roundsAMinute).toBeCloseTo(10, 10);
    // A sixth of a file a second, 0.3 seconds each.
    expect(intakeConcurrency).toBeCloseTo(0.05, 10);
  });

  test('a round holds the files that came during the one before', () => {
    // 50 files a second and 20 datasets: 2.5 a second each; 8 s a round and 0.009 s a file.
    const { filesARound, roundSeconds } = demand(3000);
    expect(filesARound).toBeCloseTo((2.5 * 8) / (1 - 2.5 * 0.009), 8);
    expect(filesARound / roundSeconds).toBeCloseTo(2.5, 8);
  });

  test('a dataset that gets more than it can take works in full rounds', () => {
    expect(demand(1e6).filesARound).toBe(5000);
  });

  test('a file costs less the more there are, and an hour more', () => {
    const [few, many] = [demand(10), demand(100_000)];
    expect(many.usdAFile).toBeLessThan(few.usdAFile);
    expect(many.usdAnHour).toBeGreaterThan(few.usdAnHour);
    expect(few.usdAnHour).toBeCloseTo(few.usdAFile * 600, 12);
  });

  test('a small file stays below the target of DESIGN section 10 from 1,000 a minute on, and what is said of a lone one is so', () => {
    expect(demand(1000).usdAFile).toBeLessThan(0.0005);
    const told = [10, 1000].map((load) => `${Number(demand(load).usdAFile.toPrecision(2))}`);
    for (const usd of told) expect(readFileSync(join(ROOT, 'docs/cost.md'), 'utf8')).toContain(usd);
  });
});

describe('what a limit lets through', () => {
  test('a transaction writes two units, a partition takes a thousand a second', () => {
    expect(limit('DynamoDB, partition of the landed objects')).toBe(500);
    expect(limit('DynamoDB, partition of the files of a dataset')).toBe(20 * 250);
    expect(limit('DynamoDB, table')).toBeCloseTo(40_000 / 14, 6);
  });

  test('intake is its concurrency over its seconds', () => {
    expect(limit('Lambda, intake')).toBeCloseTo(50 / 0.3, 8);
  });

  test('full rounds go on side by side by dataset, up to the concurrency of execute', () => {
    expect(limit('Lambda, execute')).toBeCloseTo((20 * 5000) / 53, 6);
    expect(limit('Lambda, execute', { ...shape, datasets: 400 })).toBeCloseTo((40 * 5000) / 53, 6);
  });

  test('the tightest comes first', () => {
    const rates = limitsOf(shape, PROD).map(({ filesASecond }) => filesASecond);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  });

  test('an execution hands over long before its history is full, Glue does so many runs', () => {
    expect(ROUNDS_OF_EXECUTION).toBe(DEFAULT_LIMITS.rounds);
    expect(ROUNDS_OF_EXECUTION * PER_ROUND.historyEvents).toBeLessThan(20_000);
    expect(glueCapacity(10, 50)).toEqual({ runsAnHour: 60, gigabytesAnHour: 3000 });
  });
});

test('the model counts the states that a round enters, and those with which an execution ends', () => {
  const { States: states } = JSON.parse(
    readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8'),
  ) as {
    readonly States: Readonly<Record<string, State>>;
  };
  const typesOf = (answers: Readonly<Record<string, string>>) => {
    const types: string[] = [];
    for (let name: string | undefined = 'Claim'; name && !(types.length > 0 && name === 'Claim'); ) {
      const { Type, Next, Choices = [], Default } = states[name] as State;
      types.push(Type);
      const chosen = Choices.find(({ StringEquals }) => StringEquals === answers[name as string]);
      name = chosen?.Next ?? Default ?? Next;
    }
    return types;
  };
  const round = typesOf({ Claimed: 'plan', Verified: 'publish' });
  expect(round).toHaveLength(PER_ROUND.transitions);
  const events = round.reduce((sum, type) => sum + (type === 'Task' ? 5 : 2), 0);
  expect(events).toBe(PER_ROUND.historyEvents);
  expect(typesOf({})).toHaveLength(PER_EXECUTION.transitions);
});

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly StringEquals: string; readonly Next: string }[];
}

test('the model counts what the pipeline asks for', async () => {
  const [few, many] = [await requestsOf(2), await requestsOf(12)];
  const aFile = (what: keyof typeof few) => (many[what] - few[what]) / 10;
  // Loads of tables that are made in the first run are among what a round takes.
  for (const what of ['ledgerWrites', 'ledgerReads'] as const) {
    expect(aFile(what)).toBeLessThanOrEqual(PER_FILE[what]);
    expect(aFile(what)).toBeGreaterThan(PER_FILE[what] - 1);
    expect(few[what] - 2 * aFile(what)).toBeLessThanOrEqual(PER_ROUND[what]);
  }
  expect(aFile('rawWrites')).toBe(PER_FILE.s3Writes);
});

test('the page is of prod as it is configured, and not stale', () => {
  const { intake, execute } = configOf('prod').lambda;
  expect(PROD).toEqual({
    intakeConcurrency: intake.concurrency,
    intakeMb: intake.memoryMb,
    executeConcurrency: execute.concurrency,
    executeMb: execute.memoryMb,
  });
  expect(readFileSync(join(ROOT, 'docs/capacity.md'), 'utf8')).toBe(capacityPage());
});

/** What a first run with so many files of one dataset asks of ledger and raw. */
async function requestsOf(files: number) {
  const home = join(scratch, String(files));
  const landing = join(home, 'landing');
  mkdirSync(landing, { recursive: true });
  const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
  for (let file = 0; file < files; file++) {
    const path = join(landing, `${file}.csv`);
    writeFileSync(path, `${header}\n${file},A,x,1,2025-01-02 10:00:00,1.50,17850.0,UK\n`);
    // A Monday: sales has files on it, so its volume rule looks back over all the Mondays that it may.
    utimesSync(path, MONDAY, MONDAY);
  }
  const notifier = { notify: async () => {} };
  const lake = openLake({ home: join(home, 'lake'), contracts: join(ROOT, 'contracts'), notifier });
  // What only the first file of a dataset asks for is not of interest.
  await lake.ledger.transact([
    { kind: 'put', partition: partitions.datasets, sort: 'retail/sales', body: { dataset: 'retail/sales' } },
  ]);
  const requests = { ledgerWrites: 0, ledgerReads: 0, rawWrites: 0 };
  const ledger: Ledger = {
    get(partition, sort) {
      requests.ledgerReads++;
      return lake.ledger.get(partition, sort);
    },
    query(query) {
      requests.ledgerReads++;
      return lake.ledger.query(query);
    },
    transact(writes) {
      requests.ledgerWrites += writes.length;
      return lake.ledger.transact(writes);
    },
  };
  const raw: ObjectStore = {
    ...lake.stores.raw,
    write(key, body, condition) {
      requests.rawWrites++;
      return lake.stores.raw.write(key, body, condition);
    },
  };
  const services = { ...lake, ledger, stores: { ...lake.stores, raw } };
  const dataset = lake.datasets.find(({ name }) => name === 'sales');
  if (dataset === undefined) throw new Error('no dataset sales');
  const ports = { landing: folderStore(landing), raw, ledger, notifier };
  const start = (name: string) => runStateMachine(services, name);
  const { failed } = await work(
    { services, ports, start },
    { bucket: landing, own: false, route: fixedRoute(dataset) },
  );
  expect(failed).toEqual([]);
  return requests;
}
