import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../support/headgate.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('secrets');

function scan(...files: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'scripts/secrets.ts', ...files],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return { status, stdout, stderr };
}

const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test('no file of the project holds a secret', () => {
  expect(scan()).toEqual({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\d{3,} files looked at\n$/),
  });
});

test('keys are found by their place, and never printed', () => {
  const secret = randomBytes(30).toString('hex').slice(0, 40);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const aws = file('aws.ini', `[default]\naws_secret_access_key = ${secret}\n`);
  const pem = file('key.pem', String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  const { status, stderr } = scan(aws, pem, file('fine.txt', 'nothing'));
  expect(status).toBe(1);
  expect(stderr).toContain(`${aws}:2: AWSSecretAccessKey`);
  expect(stderr).toContain(`${pem}:1: PrivateKey`);
  expect(stderr).not.toContain(secret);
});
