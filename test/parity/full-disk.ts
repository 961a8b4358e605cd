// Takes a batch through Spark while its disk is full, then with room. Started in a mount namespace of its own, where the folder named is a small disk.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SparkServer } from '../support/spark-server.ts';
import { CONTRACT, hostileCsv } from './hostile.ts';
import { outcomeOf } from './outcome.ts';

const disk = process.argv[2] ?? '';
const folder = mkdtempSync(join(tmpdir(), 'headgate-full-disk-'));
const contracts = join(folder, 'contracts');
const landing = join(folder, 'landing/shop/2026-01-01');
for (const each of [contracts, landing, join(folder, 'spark')]) mkdirSync(each, { recursive: true });
writeFileSync(join(contracts, 'hostile.odcs.yaml'), CONTRACT);
writeFileSync(join(landing, 'a.csv'), hostileCsv(20_000, 1));
// What Spark keeps on the way lies on the small disk; the lake does not.
symlinkSync(disk, join(folder, 'spark/scratch'));

const spark = new SparkServer(folder);
const batches = { contracts, landings: [join(folder, 'landing')], taskBytes: 200_000, spark: spark.launch };
const outcome = async (home: string, engine: 'duckdb' | 'spark') => {
  const found = await outcomeOf({ ...batches, home: join(folder, home), engine });
  return { ...found, messages: found.failures.map(String) };
};
const full = await outcome('spark', 'spark');
execFileSync('mount', ['-o', 'remount,size=256m', disk]);
const roomy = await outcome('spark', 'spark');
const expected = await outcome('duckdb', 'duckdb');
await spark.stop();
process.stdout.write(JSON.stringify({ full, roomy, expected }));
