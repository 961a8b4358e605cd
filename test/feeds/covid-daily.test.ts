import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FileRow, headgate, json, SHARED } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('covid');
const landing = join(folder, 'in');
cpSync(join(SHARED, 'data/covid_daily'), join(landing, 'covid'), {
  recursive: true,
  filter: (path) => !path.endsWith('.md'),
});

const total = (rows: readonly FileRow[], count: 'received' | 'published' | 'quarantined') =>
  rows.reduce((sum, row) => sum + row[count], 0);

function lakeOf(contract: string) {
  const contracts = join(import.meta.dirname, contract);
  const lake = ['--home', join(folder, contract), '--contracts', contracts, '--marts', contracts];
  return {
    run: () => headgate([...lake, 'run', '--json', '--landing', landing]),
    ask: async (sql: string) =>
      json<Record<string, string | null>[]>(await headgate([...lake, 'query', sql, '--json'])),
  };
}

/** Of 10-character name `MM-DD-2020`. */
const isBetween = ({ file }: FileRow, first: string, last: string): boolean => {
  const day = file.slice('covid/'.length, 'covid/MM-DD'.length);
  return first <= day && day <= last;
};

describe('covid_daily, a feed whose columns drift', () => {
  test('loads whole under one contract that declares the names and the date forms', async () => {
    const { run, ask } = lakeOf('covid-daily');
    const finished = await run();
    expect(finished.code).toBe(0);
    const rows = json<FileRow[]>(finished);
    expect(rows).toHaveLength(70);
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['published']));
    expect([total(rows, 'received'), total(rows, 'published'), total(rows, 'quarantined')]).toEqual([
      40_870, 40_870, 0,
    ]);
    // Reference: the same files through Python's csv and datetime modules.
    expect(
      await ask(
        `SELECT count(*) AS n, min(last_update) AS first, max(last_update) AS last, sum(confirmed) AS confirmed, sum(deaths) AS deaths,
         sum(recovered) AS recovered, count(confirmed) AS with_confirmed, count(deaths) AS with_deaths, count(recovered) AS with_recovered,
         count(latitude) AS with_latitude, count(fips) AS with_fips, count(DISTINCT country) AS countries,
         count(DISTINCT substr(_source_file, 1, 10)) AS days FROM health.cases`,
      ),
    ).toEqual([
      {
        n: '40870',
        first: '2020-01-22 17:00:00',
        last: '2020-03-31 23:49:27',
        confirmed: '10610591',
        deaths: '434241',
        recovered: '3089516',
        with_confirmed: '40851',
        with_deaths: '40429',
        with_recovered: '40482',
        with_latitude: '38037',
        with_fips: '30466',
        countries: '229',
        days: '70',
      },
    ]);
  });

  test('is quarantined from the first change on under a strict contract, which names the exact difference', async () => {
    const { run, ask } = lakeOf('covid-daily-strict');
    const finished = await run();
    expect(finished.code).toBe(3);
    const rows = json<FileRow[]>(finished);
    expect(total(rows, 'received')).toBe(40_870);
    expect(total(rows, 'published') + total(rows, 'quarantined')).toBe(40_870);
    const agreed = rows.filter((row) => isBetween(row, '01-22', '02-29'));
    const withPlace = rows.filter((row) => isBetween(row, '03-01', '03-21'));
    const renamed = rows.filter((row) => isBetween(row, '03-22', '03-31'));
    expect([agreed.length, withPlace.length, renamed.length]).toEqual([39, 21, 10]);
    for (const { status, quarantined } of agreed)
      expect({ status, quarantined }).toEqual({ status: 'published', quarantined: 0 });
    const contract = 'test/feeds/covid-daily-strict/contract.odcs.yaml';
    const what = (difference: string) =>
      `file.header: columns differ from ${contract}: ${difference}; expected province, country, last_update, confirmed, deaths, recovered: send the agreed columns, or declare sourceNames or drift in the contract`;
    for (const { status, why } of withPlace)
      expect({ status, why }).toEqual({
        status: 'quarantined',
        why: what('not in the contract: Latitude, Longitude'),
      });
    for (const { status, why } of renamed)
      expect({ status, why }).toEqual({
        status: 'quarantined',
        why: what(
          'missing: province, country, last_update; not in the contract: FIPS, Admin2, Province_State, Country_Region, Last_Update, Lat, Long_, Active, Combined_Key',
        ),
      });
    const lines = (name: string) =>
      readFileSync(join(landing, name), 'utf8').trimEnd().split('\n').length - 1;
    const records = agreed.reduce((sum, { file }) => sum + lines(file), 0);
    expect(await ask('SELECT count(*) AS n FROM health.cases')).toEqual([{ n: String(records) }]);
  });
});
