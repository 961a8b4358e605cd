import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { parseConfig } from '../../lib/infra/config.ts';
import { configOf } from '../support/stacks.ts';

const changed = (change: object) => stringify({ ...configOf('dev'), ...change });

describe('the configuration of a stage', () => {
  test.each(['dev', 'uat', 'prod'])('of %s is whole, and keeps its data', (stage) => {
    const config = configOf(stage);
    expect(config.stage).toBe(stage);
    expect(config.ephemeral).toBe(false);
  });

  test.each([
    ['an unknown key', { colour: 'blue' }, /config\/dev\.yaml .*colour/],
    ['an unknown key below', { raw: { coldAfterDays: 30, coldAfter: 3 } }, /raw: .*coldAfter/],
    ['a number out of range', { athena: { bytesPerQuery: 1, teams: [] } }, /athena\.bytesPerQuery/],
    ['a period that CloudWatch Logs does not know', { logDays: 31 }, /logDays/],
    [
      'more for DuckDB than its room',
      { glue: { workers: 2, timeoutMinutes: 60, fromMb: 900 } },
      /glue\.fromMb/,
    ],
    ['a missing key', { region: undefined }, /region/],
    ['the name of another stage', { stage: 'blue' }, /call it blue\.yaml/],
  ])('is refused with %s, by name', (_what, change, message) => {
    expect(() => parseConfig('config/dev.yaml', changed(change))).toThrow(message);
  });
});
