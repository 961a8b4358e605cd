import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readEntities } from '../../lib/adapters/local/contracts.ts';
import { asExecution } from '../../lib/adapters/local/executions.ts';
import { openLake, scratchOf } from '../../lib/adapters/local/lake.ts';
import { type MatchLauncher, splinkMatcher } from '../../lib/adapters/local/splink-matcher.ts';
import type { Entity } from '../../lib/contract/entity.ts';
import { matchEntity } from '../../lib/matching/run.ts';
import { headgate, ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('changed-sources');
const [home, contracts, landing] = ['lake', 'contracts', 'landing'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

/** Instead of Splink: no two records are alike. */
const launch: MatchLauncher = async (job) =>
  writeFileSync(
    join(job, '../answer.json'),
    JSON.stringify({ pairs: 0, attempt: '', untrained: [], model: {}, seconds: {} }),
  );

const match = () => {
  const lake = openLake({ home, contracts, notifier: { notify: async () => {} } });
  const [scratch, entity] = [scratchOf(home), readEntities(contracts)[0] as Entity];
  const matcher = splinkMatcher({ engine: 'duckdb', lake: lake.stores.lake, scratch, launch });
  return asExecution((execution) => matchEntity({ services: lake, matcher, execution }, entity));
};

const change = (name: string, from: string, to: string): void => {
  const file = join(contracts, `${name}.odcs.yaml`);
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
};

test('a source whose contract has a new column is matched before a file has brought it', async () => {
  cpSync(join(ROOT, 'contracts/customers'), contracts, { recursive: true });
  cpSync(join(ROOT, 'samples/customers'), join(landing, 'customers'), { recursive: true });
  const { code } = await headgate(['--home', home, '--contracts', contracts, 'run', '--landing', landing]);
  expect(code).toBe(3);
  expect((await match()).run.counts.records).toBe(192);
  for (const name of ['crm', 'customers'])
    change(
      name,
      '      - name: suburb\n',
      '      - name: region\n        logicalType: string\n      - name: suburb\n',
    );
  expect(await match()).toMatchObject({ status: 'published', run: { counts: { records: 192 } } });
}, 60_000);
