import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type FileRow, headgate, json } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = join(import.meta.dirname, 'evolution');
const home = temporaryFolder('evolution');

/** A merge table under three versions of its contract: renamed, widened, added and dropped columns; then a change that no table can follow. */
test('merges into a table whose contract has changed, and refuses a change that it can’t follow', async () => {
  const lake = (version: number) => [
    '--home',
    join(home, 'lake'),
    '--contracts',
    join(folder, `v${version}`),
    '--marts',
    folder,
  ];
  const run = (version: number) =>
    headgate([...lake(version), 'run', '--json', '--landing', join(folder, `landing-${version}`)]);
  const rows = async (version: number, sql: string) =>
    json<Record<string, string | null>[]>(await headgate([...lake(version), 'query', sql, '--json'])).map(
      Object.values,
    );
  expect(json<FileRow[]>(await run(1))).toMatchObject([{ status: 'published', received: 3, published: 3 }]);

  const second = await run(2);
  expect({ code: second.code, rows: json<FileRow[]>(second) }).toMatchObject({
    code: 0,
    rows: [{ status: 'published', received: 2, published: 2 }],
  });
  const all = 'SELECT city, id, name, amount, colour FROM shop.items ORDER BY id';
  const expected = [
    [null, '1', 'one', '1.00', 'red'],
    ['Utrecht', '2', 'zwei', '22.00', null],
    [null, '2147483647', 'most', '9999999.99', null],
    ['Delft', '3000000000', 'drei', '1234567890123.45', null],
  ];
  expect(await rows(2, all)).toEqual(expected);
  expect(await rows(2, 'SELECT name, city, colour FROM shop_raw.items ORDER BY name')).toEqual([
    ['drei', 'Delft', null],
    ['most', null, ''],
    ['one', null, 'red'],
    ['two', null, 'blue'],
    ['zwei', 'Utrecht', null],
  ]);

  const third = await run(3);
  expect(third.code).toBe(1);
  expect(third.stderr).toContain(
    "table shop/items can't follow its contract: amount is decimal(18, 2) in the table: it can't become decimal(18, 3)",
  );
  expect(await rows(2, all)).toEqual(expected);
});
