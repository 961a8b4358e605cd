import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { strangersIn } from '../../lib/adapters/local/folder-store.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { work } from '../../lib/pipeline/work.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('odd-names');

/** Every one another name to Linux; to people and other systems some are the same, or none. */
const NAMES = [
  'caf\u00e9.csv',
  'cafe\u0301.csv',
  'CASE.csv',
  'case.csv',
  'dots...',
  ' blank',
  'blank ',
  '\u00a0',
  '-rf',
  'line\nend.csv',
  '\u0001\u001b[31m.csv',
  '\u202egnp.csv',
  'back\\slash.csv',
  '%2e%2e%2f.csv',
  'CON',
  'a?b*c#d&e=f.csv',
  '~a.part.csv',
  'part',
  'tmp',
  '日本🙂.csv',
  `${'x'.repeat(251)}.csv`,
  'é'.repeat(127),
];

/** Names that programs give while they still write. */
const UNFINISHED = [
  '...',
  '..csv',
  'a.csv.CRDOWNLOAD',
  'a.csv.filepart',
  'a.csv.part',
  'a.csv.tmp',
  'a.csv~',
];

test('files are taken in under names of every kind, each as one of its own, and leave landing', async () => {
  const notifier = { notify: async () => undefined };
  const lake = openLake({
    home: join(folder, 'lake'),
    contracts: join(ROOT, 'test/cases/good-file'),
    notifier,
  });
  const place = join(folder, 'lake/landing/shop/2026-01-31');
  mkdirSync(place, { recursive: true });
  for (const [index, name] of [...NAMES, ...UNFINISHED].entries())
    writeFileSync(join(place, name), `id,name,amount\n${index},a,1.00\n`);
  const bad = Buffer.concat([Buffer.from(`${place}/`), Buffer.from([0x62, 0xff, 0x2e, 0x63])]);
  writeFileSync(bad, 'id,name,amount\n99,a,1.00\n');
  const { landing, stores, ledger } = lake;
  const report = await work(
    {
      services: lake,
      ports: { landing, raw: stores.raw, ledger, notifier },
      start: (dataset) => runStateMachine(lake, dataset),
    },
    { bucket: 'landing', own: true, route: router(lake.datasets) },
  );
  expect(report.failed).toEqual([]);
  const files = await Array.fromAsync(allFiles(ledger));
  expect(
    files
      .map(({ key, state, counts }) => ({ key, state, published: counts.published }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
  ).toEqual(
    NAMES.map((name) => ({ key: `shop/2026-01-31/${name}`, state: 'published', published: 1 })).sort(
      (a, b) => (a.key < b.key ? -1 : 1),
    ),
  );
  // What is no text is no key: it stays, and is told of.
  expect(readdirSync(place, { encoding: 'latin1' }).sort()).toEqual([...UNFINISHED, 'b\u00ff.c']);
  expect((await Array.fromAsync(strangersIn(landing.root))).map(({ why }) => why)).toEqual([
    'its name is not UTF-8; rename it',
  ]);
});
