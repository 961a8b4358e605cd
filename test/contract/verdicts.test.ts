import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { parseContract } from '../../lib/contract/parse.ts';
import { ContractError } from '../../lib/contract/problems.ts';
import { headgate, ROOT, SHARED } from '../support/headgate.ts';
import { describeWithPython } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { BROKEN } from './broken-variants.ts';

const script = join(import.meta.dirname, 'lint.py');

const accepts = (file: string): boolean => {
  try {
    parseContract(readFileSync(file, 'utf8'), file);
    return true;
  } catch (error) {
    if (error instanceof ContractError) return false;
    throw error;
  }
};

describeWithPython('contract', 'our verdict on contracts against datacontract-cli’s', (python) => {
  const folder = temporaryFolder('contracts');

  test('is the same on every shipped contract and on the standard’s own example', async () => {
    const files = [
      ...globSync(join(ROOT, 'contracts/*/*.odcs.yaml')),
      join(SHARED, 'data/datacontract/full-example.odcs.yaml'),
    ];
    expect(files.length).toBeGreaterThanOrEqual(8);
    const verdicts = await python.json<Record<string, boolean>>(script, ...files);
    for (const file of files) expect({ file, accepted: accepts(file) }).toEqual({ file, accepted: true });
    expect(verdicts).toEqual(Object.fromEntries(files.map((file) => [file, true])));
  }, 300_000);

  test('datacontract-cli accepts what contract init proposes', async () => {
    mkdirSync(folder, { recursive: true });
    const samples = [
      'talpa/sample.csv',
      'customers/febrl/dataset1.csv',
      'advertisex/ad_impressions.json',
      'frictionless/table.ndjson',
      'frictionless/issue-1009-semicolon.csv',
      'retail/by-day/2010-12-01.csv',
    ];
    const files = await Promise.all(
      samples.map(async (sample) => {
        const file = join(folder, `${sample.replaceAll(/\W+/g, '-')}.odcs.yaml`);
        const path = join(SHARED, 'data', sample);
        const init = await headgate(['contract', 'init', path, '--dataset', 'sets/feed', '--out', file]);
        expect(init).toMatchObject({ code: 0 });
        return file;
      }),
    );
    const verdicts = await python.json<Record<string, boolean>>(script, ...files);
    expect(verdicts).toEqual(Object.fromEntries(files.map((file) => [file, true])));
  }, 300_000);

  test('is the same on forty broken variants: both refuse them', async () => {
    const good = readFileSync(join(ROOT, 'contracts/payments/transactions.odcs.yaml'), 'utf8');
    expect(BROKEN.length).toBeGreaterThanOrEqual(40);
    mkdirSync(folder, { recursive: true });
    const files = BROKEN.map(({ name, mutate }) => {
      const document = parse(good);
      mutate(document);
      const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.odcs.yaml`);
      writeFileSync(file, stringify(document));
      return file;
    });
    const theirs = await python.json<Record<string, boolean>>(script, ...files);
    const verdicts = files.map((file, index) => ({
      name: BROKEN[index]?.name,
      ours: accepts(file),
      theirs: theirs[file],
    }));
    expect(verdicts).toEqual(BROKEN.map(({ name }) => ({ name, ours: false, theirs: false })));
  }, 600_000);
});
