import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { router } from '../../lib/intake/route.ts';
import { batchOf, weightOf } from '../../lib/pipeline/claim.ts';
import { explainPending } from '../../lib/pipeline/plan-run.ts';
import { work } from '../../lib/pipeline/work.ts';
import { zipOf } from '../support/archives.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const home = join(temporaryFolder('weight'), 'home');
const HEADER = 'id,name,amount\n';
const HALF = Array.from({ length: 5_000 }, (_, id) => `${id},a,1.00\n`).join('');
const TEXT = HEADER + HALF + HALF;

test('a packed file weighs what is in it, for the choice of the engine and for how much goes into one batch', async () => {
  const opened = openLake({
    home,
    contracts: join(ROOT, 'test/cases/good-file'),
    notifier: { notify: async () => undefined },
    enginePolicy: { sparkFromBytes: TEXT.length },
  });
  // Room for any two of the three: which of them came first is not said.
  const lake = { ...opened, limits: { ...opened.limits, bytes: 2 * TEXT.length + HEADER.length } };
  const landing = join(home, 'landing/shop/2026-01-31');
  mkdirSync(landing, { recursive: true });
  const member = { text: HEADER + HALF };
  const packed = {
    'a.csv.gz': gzipSync(TEXT),
    'b.csv.zst': zstdCompressSync(TEXT),
    'c.zip': zipOf([
      { name: 'c1', ...member },
      { name: 'c2', ...member },
    ]),
  };
  for (const [name, bytes] of Object.entries(packed)) writeFileSync(join(landing, name), bytes);
  const { failed, files } = await work(
    {
      services: lake,
      ports: { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier },
      start: async () => undefined,
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );
  expect(failed).toEqual([]);
  expect(files.map(({ file }) => [file.state, weightOf(file)])).toEqual([
    ['admitted', TEXT.length],
    ['admitted', TEXT.length],
    ['admitted', TEXT.length + HEADER.length],
  ]);
  expect(await batchOf(lake, { dataset: 'shop/items' })).toHaveLength(2);
  expect((await explainPending(lake, 'shop/items')).engine).toBe('spark');
  const roomy = { ...lake, enginePolicy: { sparkFromBytes: 2 * TEXT.length + HEADER.length + 1 } };
  expect((await explainPending(roomy, 'shop/items')).engine).toBe('duckdb');
});
