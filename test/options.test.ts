import { execFileSync } from 'node:child_process';
import { expect, jest, test } from '@jest/globals';
import { countOption, dayOption, secondsOption, timeOption } from '../bin/options.ts';
import { shellWord } from '../bin/say.ts';
import { printTable } from '../bin/table.ts';
import { headgate } from './support/headgate.ts';
import { temporaryFolder } from './support/temporary.ts';

const home = temporaryFolder('options');

test('a day is one of the calendar, a number of things is whole and greater than zero', () => {
  expect(dayOption('2024-02-29')).toBe('2024-02-29');
  for (const text of ['2024-13-45', '2023-02-29', '2024-2-1', 'yesterday', '', '2024-02-01T00:00'])
    expect(() => dayOption(text)).toThrow('yyyy-MM-dd');
  expect(countOption('50')).toBe(50);
  for (const text of ['-5', '0', '1.5', '1e3', 'all', '']) expect(() => countOption(text)).toThrow('from 1');
});

test('a duration is seconds up to a day, a time names a moment', () => {
  expect([secondsOption('0.5'), secondsOption('86400')]).toEqual([0.5, 86_400]);
  for (const text of ['0', '-1', '1e9', '86401', 'a minute', ''])
    expect(() => secondsOption(text)).toThrow('seconds, more than 0');
  expect(timeOption('2026-11-21T08:00:00Z')).toEqual(new Date(Date.UTC(2026, 10, 21, 8)));
  expect(timeOption('2026-11-21T08:00:00+13:00')).toEqual(new Date(Date.UTC(2026, 10, 20, 19)));
  const unclear = ['2026-11-21T08:00:00', '11/21/2026', '1', '2026-02-30T00:00:00Z'];
  for (const text of ['yesterday', '2026-13-01', '', ...unclear])
    expect(() => timeOption(text)).toThrow('ISO 8601');
});

test('a path in a command that people copy is the same path to a shell', () => {
  const paths = [
    'a/b.csv',
    'a b',
    "it's",
    'a"b',
    '$HOME `id`',
    'a;b&c',
    '*[a]?{x}',
    'a\\b',
    '~',
    'é🙂',
    ' ',
    '#a',
    '!a',
  ];
  for (const path of paths)
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(path)}`]).toString()).toBe(path);
  expect([shellWord('a/b=1%20.csv'), shellWord('-rf')]).toEqual(['a/b=1%20.csv', './-rf']);
});

test('a table may have more rows than a call may have arguments', () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  printTable(
    ['n'],
    Array.from({ length: 200_000 }, (_, index) => [index]),
    { empty: 'nothing' },
  );
  expect(log).toHaveBeenCalledTimes(200_001);
  expect(log).toHaveBeenLastCalledWith('199999');
  log.mockRestore();
});

test.each([
  [['replay', '--dataset', 'retail/sales', '--from', '2024-13-45', '--yes'], 'yyyy-MM-dd'],
  [['backfill', 'retail/sales', '--to', '2024-13-45', '--yes'], 'yyyy-MM-dd'],
  [['files', '--state', 'nosuch'], 'withdrawn, control, expired'],
  [['files', '--last', '-5'], 'from 1'],
  [['query', 'SELECT 1', '--timeout', '0'], 'more than 0'],
  [['query', 'SELECT 1', '--as-of', 'yesterday'], 'ISO 8601'],
])('%j is wrong usage and says what is allowed', async (args, allowed) => {
  const refused = await headgate(['--home', home, ...args]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(allowed);
});

test('--landing that is a file is no empty folder', async () => {
  const refused = await headgate(['--home', home, 'run', '--landing', import.meta.filename]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('it is no folder that can be read: ENOTDIR');
});
