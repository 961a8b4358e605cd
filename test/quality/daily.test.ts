import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import { openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { work } from '../../lib/pipeline/work.ts';
import { dailyFindings, digest } from '../../lib/quality/daily.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('daily');

test('a day is held against the table, the days before and what waits', async () => {
  const lake = openLake({
    home: join(folder, randomUUID()),
    contracts: join(import.meta.dirname, '../cases/good-file'),
    notifier: { notify: async () => undefined },
  });
  const queryEngine = duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: () => lake.stores.lake,
    marts: [],
    ledgerTables: [],
  });
  const land = (day: string, rows: number) =>
    lake.landing.write(
      `shop/${day}/a.csv`,
      Buffer.from(
        `id,name,amount\n${Array.from({ length: rows }, (_, index) => `${index},${day},1.00\n`).join('')}`,
      ),
    );
  for (const day of ['2026-01-26', '2026-01-27', '2026-01-28', '2026-01-29']) await land(day, 10);
  await land('2026-01-30', 12);
  await land('2026-01-31', 30);
  await lake.landing.write('shop/2026-01-31/b.csv', Buffer.from(''));
  const ports = { landing: lake.landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier };
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const { files } = await work(
    { services: lake, ports, start: (dataset) => runStateMachine(lake, dataset) },
    place,
  );

  const daily = { datasets: lake.datasets, ledger: lake.ledger, queryEngine };
  expect(await dailyFindings(daily, '2026-01-30')).toEqual([]);
  const dataset = 'shop/items';
  const unusual = [
    { dataset, kind: 'quarantined', message: '1 file quarantined' },
    { dataset, kind: 'volume', message: '30 rows; usual are 10 a day' },
  ];
  expect(await dailyFindings(daily, '2026-01-31')).toEqual(unusual);
  expect(await dailyFindings(daily, '2026-02-01')).toEqual([
    { dataset, kind: 'silence', message: 'no file; usual are 10 rows a day' },
  ]);

  const taken = files.find(({ file }) => file.key === 'shop/2026-01-31/a.csv')?.file.fileId ?? '';
  const entry = await fileOf(lake.ledger, dataset, taken);
  const body = { ...entry, counts: { ...entry?.counts, published: 31 } };
  await lake.ledger.transact([{ kind: 'put', partition: `file#${dataset}`, sort: taken, body }]);
  const findings = await dailyFindings(daily, '2026-01-31');
  const message = `the table holds 30 rows of ${taken}, the ledger says 31`;
  expect(findings).toEqual([...unusual, { dataset, kind: 'reconciliation', message }]);
  expect(digest('2026-01-31', findings)).toMatchObject({
    kind: 'quality.digest',
    title: '2026-01-31: 3 things to look at',
    facts: { [dataset]: `1 file quarantined; 30 rows; usual are 10 a day; ${message}` },
  });
});
