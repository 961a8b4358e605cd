import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { duckDbQueryEngine } from '../../lib/adapters/local/duckdb-query-engine.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { saveRun } from '../../lib/ledger/runs.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { allRuns } from '../../lib/reports/ledger-tables.ts';
import { describeWithPython } from '../support/judge.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { ACTS, land, open, prepare, run } from './scenario/acts.ts';

const folder = temporaryFolder('moved');
const script = join(import.meta.dirname, '../table/read_tables.py');

const look = async (lake: Lake, mend = false) =>
  (await diagnose(lake, { landing: lake.landing, mend })).map(
    (finding) => `${finding.what} -> ${finding.mend}`,
  );

describeWithPython('iceberg', 'a lake in another place', (python) => {
  const rows = async (home: string, database: string) => {
    const read = await python.json<{ pyiceberg: unknown[]; duckdb: unknown[] }>(
      script,
      join(home, 'catalog.db'),
      database,
      'orders',
    );
    expect(read.duckdb).toEqual(read.pyiceberg);
    return read.pyiceberg.length;
  };

  test('is read and loaded by all once the doctor has brought its tables along', async () => {
    const [old, home, link] = ['old', "ne'w [a] #{x}", 'link'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await prepare(old, 'replay');
    const before = { shop: await rows(old, 'shop'), quarantine: await rows(old, 'shop_quarantine') };
    // As `cp -r` does, or a backup: other inodes, other times.
    cpSync(old, home, { recursive: true });
    renameSync(old, join(folder, 'away'));

    const lake = open(home);
    const says = `3 tables name files in ${old}/lake, and lie in ${home}/lake`;
    expect(await look(lake)).toEqual([
      `${says} -> headgate doctor --mend, where the lake was moved or copied`,
    ]);
    // What a run was about to publish names the old place.
    const [last] = (await Array.fromAsync(allRuns(lake.ledger))).slice(-1);
    if (last === undefined) throw new Error('no run');
    await saveRun(lake.ledger, { ...last, state: 'executed' }, []);
    expect(await look(lake, true)).toEqual([
      expect.stringMatching(/was cut off before -> move the lake back/),
    ]);
    await saveRun(lake.ledger, last, []);
    // What was just removed from landing was copied, too, as if it had changed since.
    const others = (lines: readonly string[]) => lines.filter((line) => !line.includes('lie in landing'));
    expect(others(await look(lake, true))).toEqual([
      `${says} -> mended`,
      expect.stringMatching(
        /^2 files of shop\/orders have copies in raw that were written anew, .* -> mended$/,
      ),
    ]);
    expect(others(await look(lake))).toEqual([]);
    expect({ shop: await rows(home, 'shop'), quarantine: await rows(home, 'shop_quarantine') }).toEqual(
      before,
    );

    land(home, ['orders/2026-01-03.csv']);
    // What a killed run has left in a lake whose name DuckDB would take the brackets for.
    const stale = join(folder, "ne'w a #{x}", 'scratch/shop/orders');
    mkdirSync(stale, { recursive: true });
    writeFileSync(join(stale, 'stage-0.parquet'), 'of another lake');
    writeFileSync(join(home, 'landing/orders/2026-01-04.csv'), 'id,amount,phone\n7,7.00,0617\n');
    // The same lake, reached by another name.
    symlinkSync(home, link);
    await run(open(link));
    await ACTS.replay?.(open(link));
    expect(await look(open(home))).toEqual([]);
    expect(await rows(home, 'shop')).toBe(before.shop + 1);
    const { catalog, stores } = open(home);
    const query = duckDbQueryEngine({ catalog, storeOf: () => stores.lake, marts: [], ledgerTables: [] });
    expect((await query.query('SELECT count(*) FROM shop.orders')).rows).toEqual([[String(before.shop + 1)]]);
    expect(await lake.ledger.query({ partition: partitions.openRuns })).toEqual([]);
  });

  test('says of raw what is no copy', async () => {
    const home = join(folder, 'other');
    await prepare(home, 'replay');
    const lake = open(home);
    const [{ key } = { key: '' }] = await Array.fromAsync(lake.stores.raw.list(''));
    await lake.stores.raw.write(key, Buffer.from('other bytes'));
    expect(await look(lake)).toEqual([
      expect.stringMatching(/^1 files of shop\/orders have copies .* -> headgate doctor --mend$/),
    ]);
    expect(await look(lake, true)).toEqual([
      expect.stringMatching(/has other bytes in raw -> restore raw from your backup$/),
    ]);
  });
});
