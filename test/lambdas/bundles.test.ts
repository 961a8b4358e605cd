import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { BUNDLE_BYTES, bundle } from '../../lib/infra/bundling.ts';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('bundles');
const handlers = globSync(join(ROOT, 'lambdas/*/handler.ts')).sort();

test.each(handlers.map((entry) => [basename(dirname(entry)), entry]))(
  '%s keeps to the size of a bundle',
  async (name, entry) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'chunk-OLDER.mjs'), '');
    const bytes = await bundle(entry, join(folder, name));
    expect(existsSync(join(folder, name, 'chunk-OLDER.mjs'))).toBe(false);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(name === 'intake' ? BUNDLE_BYTES.intake : BUNDLE_BYTES.other);
  },
);

test('only the functions that execute and match carry DuckDB', () => {
  const carriers = handlers
    .map((entry) => basename(dirname(entry)))
    .filter((name) => readFileSync(join(folder, name, 'index.mjs'), 'utf8').includes('@duckdb/node-api'));
  expect(carriers).toEqual(['execute', 'match']);
});
