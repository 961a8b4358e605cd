import { spawnSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('install');
const locked = join(folder, 'package-lock.json');
const installed = join(folder, 'node_modules/.package-lock.json');
const a = { version: '1.0.0', integrity: 'sha512-a' };
const other = { version: '1.0.0', integrity: 'sha512-other', optional: true };

/** Whether npm is called, by a name on the path in its place. */
function installs(): boolean {
  const { stdout, status } = spawnSync(process.execPath, [join(ROOT, 'scripts/install-if-needed.mjs')], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env.PATH}` },
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  return stdout.includes('npm ci');
}

test('what is installed is installed again where the lock file names something else, whatever the clock said when they were written', () => {
  mkdirSync(join(folder, 'node_modules'));
  writeFileSync(join(folder, 'npm'), '#!/bin/sh\necho npm "$@"\n', { mode: 0o755 });
  const write = (file: string, packages: object) => writeFileSync(file, JSON.stringify({ packages }));
  write(locked, { '': {}, 'node_modules/a': a, 'node_modules/for-another-system': other });
  expect(installs()).toBe(true);
  write(installed, { 'node_modules/a': a });
  const yesterday = new Date(Date.now() - 24 * 60 * 60_000);
  utimesSync(installed, yesterday, yesterday);
  expect(installs()).toBe(false);
  write(locked, { '': {}, 'node_modules/a': { ...a, version: '1.0.1' } });
  utimesSync(locked, yesterday, yesterday);
  write(installed, { 'node_modules/a': a });
  expect(installs()).toBe(true);
  write(locked, { '': {} });
  expect(installs()).toBe(true);
});
