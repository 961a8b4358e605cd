// Runs under whatever Node the machine has, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const [major] = process.versions.node.split('.');
if (Number(major) < 20) {
  console.error(`Headgate needs Node 20 or newer to install itself, this is ${process.version}`);
  process.exit(1);
}
const done = 'node_modules/.package-lock.json';
const upToDate = existsSync(done) && statSync(done).mtimeMs >= statSync('package-lock.json').mtimeMs;
if (!upToDate) {
  console.log('installing from package-lock.json ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exit(status ?? 1);
}
