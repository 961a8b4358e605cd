// Bundles every function into dist/lambdas/<name>: index.mjs, the compiled contracts, the views. Says how large each one is. DuckDB's library is packed by pack-duckdb.ts.
// Arguments: another folder than dist/lambdas, another one than contracts.
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { compiled, compiledEntities } from '../lib/adapters/local/compiled-contracts.ts';
import { readContracts, readEntities } from '../lib/adapters/local/contracts.ts';
import { bundle } from '../lib/infra/bundling.ts';
import { findingsOf, parseMart } from '../lib/reports/marts.ts';
import { viewsOf } from '../lib/reports/views.ts';

const root = join(import.meta.dirname, '..');
const [target = join(root, 'dist/lambdas'), contracts = join(root, 'contracts')] = process.argv.slice(2);
const datasets = compiled(readContracts(contracts));
const entities = compiledEntities(readEntities(contracts));
const marts = globSync(join(root, 'sql/*/*.sql'))
  .sort()
  .map((file) => parseMart(relative(root, file), readFileSync(file, 'utf8')));
const packed = JSON.stringify({ views: viewsOf(marts), findings: findingsOf(marts) });

for (const entry of globSync(join(root, 'lambdas/*/handler.ts')).sort()) {
  const name = basename(dirname(entry));
  const folder = join(target, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'datasets.json'), datasets);
  if (name === 'sync' || name === 'quality') writeFileSync(join(folder, 'marts.json'), packed);
  if (name === 'match' || name === 'sync') writeFileSync(join(folder, 'entities.json'), entities);
  console.log(`${name} ${await bundle(entry, folder)} bytes`);
}
