// Fails where a file of the project holds what looks like a secret: keys of clouds, tokens of services, private keys. Prints places, never values.
// Arguments: files. The default is every file that git knows, or would.

import { isUtf8 } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lintSource } from '@secretlint/core';
import * as preset from '@secretlint/secretlint-rule-preset-recommend';

/** What looks like a secret and is none: file, rule, and why. */
const EXCEPTIONS: readonly { readonly file: string; readonly rule: string; readonly because: string }[] = [];

const LARGEST_BYTES = 5_000_000;
const id = '@secretlint/secretlint-rule-preset-recommend';
const config = { rules: [{ id, rule: preset.creator }] };

const files =
  process.argv.length > 2
    ? process.argv.slice(2)
    : execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      })
        .split('\0')
        .filter((file) => file !== '');

let looked = 0;
const used = new Set<number>();
for (const file of files) {
  const bytes = read(file);
  if (bytes === undefined || bytes.length > LARGEST_BYTES || !isUtf8(bytes)) continue;
  looked += 1;
  const { messages } = await lintSource({
    source: { filePath: file, content: bytes.toString(), contentType: 'text' },
    options: { config, maskSecrets: true },
  });
  for (const { ruleId, ruleParentId, messageId, loc } of messages) {
    const rule = `${ruleParentId === undefined ? '' : `${ruleParentId} > `}${ruleId}`;
    const exception = EXCEPTIONS.findIndex((each) => each.file === file && rule.endsWith(each.rule));
    if (exception >= 0) used.add(exception);
    else {
      console.error(`${file}:${loc.start.line}: ${messageId} (${ruleId})`);
      process.exitCode = 1;
    }
  }
}
if (process.argv.length === 2)
  for (const [index, { file, rule }] of EXCEPTIONS.entries()) {
    if (used.has(index)) continue;
    console.error(`${file} no longer breaks ${rule}: take the exception out of scripts/secrets.ts`);
    process.exitCode = 1;
  }
if (looked === 0) throw new Error('there was no file to look at');
console.log(`${looked} files looked at`);

/** Undefined where it is gone from the disk, or no file. */
function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
