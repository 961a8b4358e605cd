import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sqliteLedger } from '../../lib/adapters/local/sqlite-ledger.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { knownDatasets } from '../../lib/ledger/everything.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('everything');

test.each([999, 1000, 2001])('all of %i datasets are known, each once', async (count) => {
  const ledger = sqliteLedger(join(folder, `${count}.db`));
  const names = Array.from({ length: count }, (_, place) => `domain/${String(place).padStart(5, '0')}`);
  const partition = partitions.datasets;
  await Promise.all(
    names.map((dataset) => ledger.transact([{ kind: 'put', partition, sort: dataset, body: { dataset } }])),
  );
  expect(await knownDatasets(ledger)).toEqual(names);
});
