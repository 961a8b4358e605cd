import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The programs print what failed and the command that repeats it. */
export function finished(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, program), ...args],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '1' } },
  );
  return { status, said: status === 0 ? '' : `${stdout}${stderr}` };
}
