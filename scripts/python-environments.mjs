// Makes one virtual environment per list in test/requirements/, so that independent readers can judge our output.
// Runs under any Node from 20 on. Does nothing where the environment is already made from the same list.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const lists = join(import.meta.dirname, '../test/requirements');
const wanted = process.argv.slice(2);

for (const file of readdirSync(lists)) {
  const name = file.replace(/\.txt$/, '');
  if (wanted.length === 0 || wanted.includes(name)) make(name, join(lists, file));
}

function make(name, list) {
  const home = join(import.meta.dirname, '../.venv', name);
  const stamp = join(home, 'made-from');
  const fingerprint = createHash('sha256').update(readFileSync(list)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;
  console.log(`making the Python environment "${name}" (${list})`);
  rmSync(home, { recursive: true, force: true });
  const python = join(home, 'bin/python');
  const made =
    run('python3', ['-m', 'venv', home]) &&
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', list]);
  if (made) writeFileSync(stamp, fingerprint);
  else console.warn(`no environment "${name}": the suites that need it will be named as not run`);
}

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
