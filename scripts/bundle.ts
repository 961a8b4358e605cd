// Bundles every function into dist/lambdas/<name>: index.mjs and the compiled contracts. Says how large each one is.
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { compiled } from '../lib/adapters/local/compiled-contracts.ts';
import { readContracts } from '../lib/adapters/local/contracts.ts';
import { bundle } from '../lib/infra/bundling.ts';

const root = join(import.meta.dirname, '..');
const datasets = compiled(readContracts(join(root, 'contracts')));

for (const entry of globSync(join(root, 'lambdas/*/handler.ts')).sort()) {
  const name = basename(dirname(entry));
  const folder = join(root, 'dist/lambdas', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'datasets.json'), datasets);
  console.log(`${name} ${await bundle(entry, join(folder, 'index.mjs'))} bytes`);
}
