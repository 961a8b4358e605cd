import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { work } from '../../lib/pipeline/work.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { bytesOf } from './bytes.ts';

const folder = temporaryFolder('fuzz-runs');
const { HEADGATE_FUZZ_SEED: SEED, HEADGATE_FUZZ_FILES: FILES = '30' } = process.env;

const at = (path: string) => [{ property: 'path', value: path }];
const named = (name: string) => [{ property: 'sourceNames', value: [name] }];
const cut = (start: number, length: number) => [{ property: 'position', value: { start, length } }];

/** What the contract of a format says, and where its two columns stand. */
const FEEDS: Readonly<Record<string, readonly [ingestion: object, a: object[], b: object[]]>> = {
  csv: [{ format: 'csv' }, [], []],
  json: [{ format: 'json' }, [], []],
  jsonl: [{ format: 'jsonl' }, [], []],
  'nested json': [{ format: 'json', json: { records: 'data' } }, at('a/b'), at('a/c')],
  avro: [{ format: 'avro' }, named('user_id'), named('auction_id')],
  xml: [{ format: 'xml', xml: { record: 'r/row' } }, [], at('@k')],
  xlsx: [{ format: 'xlsx' }, [], []],
  parquet: [{ format: 'parquet' }, named('id'), named('name')],
  'fixed width': [{ format: 'fixedWidth', fixedWidth: {} }, cut(1, 2), cut(3, 3)],
};
const nameOf = (format: string) => format.replace(' ', '_');

const contractOf = (format: string): string => {
  const [ingestion, a, b] = FEEDS[format] ?? [{}, [], []];
  const rules = {
    drift: { addedColumn: 'ignore', missingColumn: 'null' },
    maxRejectPercent: 100,
    duplicateFile: 'reload',
  };
  const value = { landing: `${nameOf(format)}/*`, ...ingestion, ...rules };
  return JSON.stringify({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: nameOf(format),
    version: '1.0.0',
    status: 'active',
    domain: 'fuzz',
    schema: [
      {
        name: nameOf(format),
        customProperties: [{ property: 'ingestion', value }],
        properties: [
          { name: 'a', logicalType: 'integer', customProperties: a },
          { name: 'b', logicalType: 'string', customProperties: b },
        ],
      },
    ],
  });
};

const outcomes = new Map<string, number>();

test.each(Object.keys(FEEDS))(
  '%s: whatever the bytes, a run ends, and every file is published or refused with a reason, its rows accounted for',
  async (format) => {
    const seed = Number(SEED ?? Date.now() % 1_000_000);
    console.log(`bytes of seed ${seed}; again with HEADGATE_FUZZ_SEED=${seed}`);
    const home = join(folder, nameOf(format));
    const landing = join(home, 'landing', nameOf(format));
    mkdirSync(landing, { recursive: true });
    mkdirSync(join(home, 'contracts'));
    writeFileSync(join(home, 'contracts/feed.odcs.yaml'), contractOf(format));
    for (const [index, bytes] of fc.sample(bytesOf(format), { numRuns: Number(FILES), seed }).entries())
      writeFileSync(join(landing, String(index)), bytes);
    const notifier = { notify: async () => undefined };
    const lake = openLake({ home, contracts: join(home, 'contracts'), notifier });
    const { failed } = await work(
      {
        services: lake,
        ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier },
        start: (dataset) => runStateMachine(lake, dataset),
      },
      { bucket: 'landing', own: true, route: router(lake.datasets) },
    );
    expect(failed.map(({ subject, error }) => `${subject}: ${String(error)}`)).toEqual([]);
    const files = await Array.fromAsync(allFiles(lake.ledger));
    expect(files).toHaveLength(Number(FILES));
    for (const { key, state, reasons, counts } of files) {
      outcomes.set(state, (outcomes.get(state) ?? 0) + 1);
      expect([key, state]).toEqual([key, reasons.length > 0 ? 'quarantined' : 'published']);
      const { received, published, quarantined, deduplicated } = counts;
      expect([key, received]).toEqual([key, published + quarantined + deduplicated]);
    }
  },
  300_000,
);

test('files of both kinds were among them', () => {
  expect([...outcomes.keys()].sort()).toEqual(['published', 'quarantined']);
  for (const times of outcomes.values()) expect(times).toBeGreaterThan(20);
});
