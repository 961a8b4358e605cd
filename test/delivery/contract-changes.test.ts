import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('contract-changes');
const contract = join(folder, 'contracts/retail/sales.odcs.yaml');
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: folder });

mkdirSync(join(folder, 'contracts/retail'), { recursive: true });
cpSync(join(ROOT, 'contracts/retail/sales.odcs.yaml'), contract);
const first = readFileSync(contract, 'utf8');
git('init', '--quiet');
git('add', '.');
git('commit', '--quiet', '--message', 'base');

/** Of a commit with this contract on top of the base. */
function verdict(text: string | undefined, base = first) {
  git('checkout', '--quiet', '--detach', 'HEAD');
  writeFileSync(contract, base);
  git('commit', '--quiet', '--all', '--allow-empty', '--message', 'before');
  if (text === undefined) rmSync(contract);
  else writeFileSync(contract, text);
  git('commit', '--quiet', '--all', '--allow-empty', '--message', 'change');
  const script = join(ROOT, 'scripts/contract-changes.ts');
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
  return { status, stderr: stderr.replace(/^.*(?:ExperimentalWarning|--trace-warnings).*\n/gm, '') };
}

const VERSION = /^version: 1\..*$/m;
const broken = first.replace('maxLength: 20', 'maxLength: 10');

test('lets an unchanged contract, a compatible change and a breaking one with its major version pass', () => {
  expect(verdict(first)).toEqual({ status: 0, stderr: '' });
  expect(verdict(first.replace('maxLength: 20', 'maxLength: 30'))).toEqual({ status: 0, stderr: '' });
  expect(verdict(broken.replace(VERSION, 'version: 2.0.0'))).toEqual({ status: 0, stderr: '' });
});

test('fails on a breaking change without a new major version, and says what breaks', () => {
  for (const text of [broken, broken.replace(VERSION, 'version: 1.99.0')]) {
    const { status, stderr } = verdict(text);
    expect(status).toBe(1);
    expect(stderr).toContain('contracts/retail/sales.odcs.yaml: retail/sales');
    expect(stderr).toContain('needs version 2.0.0 or later');
  }
});

test('fails on a contract that is gone, unless it was deprecated before', () => {
  expect(verdict(undefined)).toMatchObject({ status: 1, stderr: expect.stringContaining('is gone') });
  expect(verdict(undefined, first.replace('status: active', 'status: deprecated')).status).toBe(0);
});

test('finds a contract whose file has moved', () => {
  writeFileSync(contract, first);
  git('add', '.');
  git('commit', '--quiet', '--message', 'back');
  const moved = join(folder, 'contracts/retail/lines.odcs.yaml');
  renameSync(contract, moved);
  writeFileSync(moved, broken);
  git('add', '.');
  git('commit', '--quiet', '--message', 'moved');
  const script = join(ROOT, 'scripts/contract-changes.ts');
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
  expect({ status, says: stderr.includes('needs version 2.0.0') }).toEqual({ status: 1, says: true });
});

test('is an error where there is no base', () => {
  const script = join(ROOT, 'scripts/contract-changes.ts');
  const { status } = spawnSync(process.execPath, [script, 'no-such-branch'], { cwd: folder });
  expect(status).toBe(1);
});
