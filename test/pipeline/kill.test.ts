import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { type LockEntry, partitions } from '../../lib/ledger/entries.ts';
import { summaryOf } from '../../lib/ledger/summary.ts';
import { allFiles, ledgerTables } from '../../lib/reports/ledger-tables.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { ACTS, open, prepare, run } from './scenario/acts.ts';

const folder = temporaryFolder('kill');

function actAndDie(home: string, act: string, at?: number) {
  const script = join(ROOT, 'test/pipeline/scenario/act-and-die.ts');
  const args = [
    '--disable-warning=ExperimentalWarning',
    script,
    home,
    act,
    ...(at === undefined ? [] : [String(at)]),
  ];
  return spawnSync(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' }, encoding: 'utf8' });
}

/** Everything that a person can see of a lake, without the ids of runs. */
async function seen(lake: Lake) {
  const engine = duckDbQueryEngine({
    catalog: lake.catalog,
    storeOf: ({ database }) => (database.endsWith('_vault') ? lake.stores.vault : lake.stores.lake),
    marts: [],
    ledgerTables: ledgerTables(lake),
  });
  const rows = async (sql: string) => (await engine.query(sql)).rows.map((row) => row.join('|')).sort();
  const files = [];
  for await (const { key, state, counts, reasons, checks } of allFiles(lake.ledger))
    files.push({ key, state, counts, checks, reasons: reasons.map(({ code }) => code) });
  const landing = join(lake.home, 'landing');
  return {
    table: await rows(
      'SELECT o.id, o.amount, v.value, o._source_row FROM shop.orders AS o LEFT JOIN shop_vault.orders AS v ON v.token = o.phone',
    ),
    quarantine: await rows('SELECT id, amount, _source_row FROM shop_quarantine.orders'),
    vault: await rows('SELECT value, count(*) FROM shop_vault.orders GROUP BY value'),
    files: files.sort((a, b) => (`${a.key}${a.state}` < `${b.key}${b.state}` ? -1 : 1)),
    summary: await summaryOf(lake.ledger, 'shop/orders'),
    pending: await lake.ledger.query({ partition: partitions.pending('shop/orders') }),
    openRuns: await lake.ledger.query({ partition: partitions.openRuns }),
    openReplays: await lake.ledger.query({ partition: partitions.openReplays }),
    locks: (await lake.ledger.query<LockEntry>({ partition: partitions.locks })).map(
      ({ body }) => body.owner,
    ),
    // What was removed stays aside for a while, under the identity of its file.
    landing: existsSync(landing)
      ? readdirSync(landing, { recursive: true, withFileTypes: true }).filter(
          (entry) => entry.isFile() && !entry.parentPath.includes('/.unfinished/removed/'),
        )
      : [],
  };
}

/** A person who was cut off starts `headgate run` and then, where it was another act, that act again. */
async function repair(home: string, act: string): Promise<Lake> {
  const lake = open(home);
  await run(lake);
  if (act !== 'run') await ACTS[act]?.(lake);
  return lake;
}

describe.each(Object.keys(ACTS))('%s', (act) => {
  const home = join(folder, act.replace(' ', '-'));

  test('killed before each of its effects ends as it does without the kill', async () => {
    await prepare(home, act);
    const whole = actAndDie(home, act);
    expect(whole.stderr).toBe('');
    const effects = JSON.parse(whole.stdout) as readonly string[];
    const wanted = await seen(await repair(home, act));
    expect(effects.length).toBeGreaterThan(act === 'run' ? 20 : 1);
    for (const [index, effect] of effects.entries()) {
      await prepare(home, act);
      const { signal } = actAndDie(home, act, index + 1);
      const after = await seen(await repair(home, act));
      expect({ before: effect, number: index + 1, signal, ...after }).toEqual({
        before: effect,
        number: index + 1,
        signal: 'SIGKILL',
        ...wanted,
      });
    }
  }, 900_000);
});
