import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** The programs print what failed and the command that repeats it. */
function finished(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, program), ...args],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '1' } },
  );
  return { status, said: status === 0 ? '' : `${stdout}${stderr}` };
}

test('every single fault at every effect, every order of events and a disk full at every call end as without it, and so do crowds', () => {
  expect(finished('main.ts', ['--crowds', '--orders', '--full', '--single'])).toEqual({
    status: 0,
    said: '',
  });
}, 1_800_000);

test('a thousand random schedules of several faults end as without them', () => {
  expect(finished('main.ts', ['--random', '1000'])).toEqual({ status: 0, said: '' });
}, 1_800_000);

test('every known way to break it is caught', () => {
  expect(finished('mutants.ts', [])).toEqual({ status: 0, said: '' });
}, 1_800_000);
