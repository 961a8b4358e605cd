#!/usr/bin/env node
// Runs under whatever Node the machine has and starts the pinned one, which runs the TypeScript as it is.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const home = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const pinned = join(home, 'node_modules/node/bin/node');
if (!existsSync(pinned)) {
  console.error('Headgate is not installed here yet: run npm start, or npm ci');
  process.exit(1);
}
const child = spawn(
  pinned,
  ['--disable-warning=ExperimentalWarning', join(home, 'bin/headgate.ts'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
