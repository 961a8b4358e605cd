// Makes one environment per list in test/requirements/ (and, only when it is named, bench/requirements/), so that independent readers can judge our output: of `<name>.txt` a virtual environment
// of Python, of `<name>.pom.xml` a folder of jars, of `<name>.tools` a folder of programs written in Go. Runs under any Node from 20 on. Does nothing where it is already made from the same list.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const wanted = process.argv.slice(2);

for (const area of wanted.length === 0 ? ['test'] : ['test', 'bench']) {
  const lists = join(import.meta.dirname, '..', area, 'requirements');
  for (const file of readdirSync(lists)) {
    const [, name, kind] = /^(.+?)\.(txt|pom\.xml|tools)$/.exec(file) ?? [];
    if (wanted.length === 0 || wanted.includes(name))
      make(name, join(lists, file), { txt: python, 'pom.xml': jars, tools: programs }[kind]);
  }
}

function make(name, list, install) {
  const home = join(import.meta.dirname, '../.venv', name);
  const stamp = join(home, 'made-from');
  const fingerprint = createHash('sha256').update(readFileSync(list)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return;
  console.log(`making the environment "${name}" (${list})`);
  rmSync(home, { recursive: true, force: true });
  if (install(home, list)) writeFileSync(stamp, fingerprint);
  else console.warn(`no environment "${name}": the suites that need it will be named as not run`);
}

function python(home, list) {
  return (
    run('python3', ['-m', 'venv', home]) &&
    run(join(home, 'bin/python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '-r',
      list,
    ])
  );
}

function jars(home, list) {
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${home}`, '-DincludeScope=runtime'];
  return run('mvn', ['--quiet', '--batch-mode', '--file', list, ...goal]);
}

function programs(home, list) {
  const wanted = readFileSync(list, 'utf8').trim().split('\n');
  return wanted.every((program) => run('go', ['install', program], { ...process.env, GOBIN: home }));
}

function run(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}
