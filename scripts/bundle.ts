// Bundles every function into dist/lambdas/<name>: index.mjs, the compiled contracts, the views. Says how large each one is. DuckDB's library is packed by pack-duckdb.ts.
// Arguments: another folder than dist/lambdas, another one than contracts.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { compiled } from '../lib/adapters/local/compiled-contracts.ts';
import { readContracts, readEntities } from '../lib/adapters/local/contracts.ts';
import { bundle } from '../lib/infra/bundling.ts';
import { MATCH_TABLES, matchTable } from '../lib/matching/tables.ts';
import { parseMart } from '../lib/reports/marts.ts';
import { idOf } from '../lib/reports/references.ts';
import { viewsOf } from '../lib/reports/views.ts';

const root = join(import.meta.dirname, '..');
const [target = join(root, 'dist/lambdas'), contracts = join(root, 'contracts')] = process.argv.slice(2);
const datasets = compiled(readContracts(contracts));
const marts = globSync(join(root, 'sql/*/*.sql'))
  .sort()
  .map((file) => parseMart(relative(root, file), readFileSync(file, 'utf8')));

// A stage has no job that matches yet: the tables of entities are not there.
const unmatched = readEntities(contracts).flatMap((entity) =>
  MATCH_TABLES.map((table) => idOf(matchTable(entity, table))),
);

for (const entry of globSync(join(root, 'lambdas/*/handler.ts')).sort()) {
  const name = basename(dirname(entry));
  const folder = join(target, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'datasets.json'), datasets);
  if (name === 'sync') writeFileSync(join(folder, 'marts.json'), JSON.stringify(viewsOf(marts, unmatched)));
  console.log(`${name} ${await bundle(entry, folder)} bytes`);
}
