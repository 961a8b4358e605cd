// Runs under whatever Node the machine has, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const [major] = process.versions.node.split('.');
if (Number(major) < 20) {
  console.error(`Headgate needs Node 20 or newer to install itself, this is ${process.version}`);
  process.exit(1);
}
const done = 'node_modules/.package-lock.json';
const packagesOf = (file) => {
  const { '': _root, ...packages } = JSON.parse(readFileSync(file, 'utf8')).packages;
  return packages;
};
/** By what npm wrote down as installed. Times of files say less: the clock may have been wrong when one of them was written. */
const isUpToDate = () => {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf(done);
  const isThere = ([path, { version, integrity, optional }]) =>
    installed[path] === undefined
      ? optional === true
      : installed[path].version === version && installed[path].integrity === integrity;
  return Object.entries(wanted).every(isThere) && Object.keys(installed).every((path) => path in wanted);
};
if (!existsSync(done) || !isUpToDate()) {
  console.log('installing from package-lock.json ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exit(status ?? 1);
}
