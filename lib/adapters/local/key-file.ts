import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TerminalError } from '../../errors.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Secrets } from '../../ports/secrets.ts';

const KEY_BYTES = 32;

/**
 * Keys in files of mode 0600, made on first use. The ledger keeps a fingerprint: a key that vanished or changed after tokens were made with it
 * stops the load, because a new one would give the same person another token.
 */
export function keyFiles(folder: string, ledger: Ledger): Secrets {
  return {
    async read(name) {
      const file = join(folder, `${name}.key`);
      const known = await ledger.get<{ fingerprint: string }>('secret', name);
      const text = (await readIfThere(file)) ?? (known === undefined ? await makeKey(file) : undefined);
      if (text === undefined) {
        throw broken(file, 'is missing, but tokens were made with it; put it back from your backup');
      }
      if (((await stat(file)).mode & 0o077) !== 0)
        throw broken(file, 'can be read by others; run chmod 600 on it');
      const key = Buffer.from(text.trim(), 'hex');
      if (key.length !== KEY_BYTES)
        throw broken(
          file,
          `does not hold ${KEY_BYTES} bytes as hexadecimal digits; put it back from your backup`,
        );
      const fingerprint = createHash('sha256').update('headgate key').update(key).digest('hex').slice(0, 16);
      if (known === undefined)
        await ledger.transact([
          { kind: 'put', partition: 'secret', sort: name, body: { fingerprint }, ifVersion: 0 },
        ]);
      else if (known.body.fingerprint !== fingerprint)
        throw broken(file, 'is another key than tokens were made with; put the old one back');
      return key;
    },
  };
}

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw broken(file, `can't be read (${error.code})`);
  });

/** Whole or not at all; of two processes that make it at once one wins and both read its key. */
async function makeKey(file: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, randomBytes(KEY_BYTES).toString('hex'), { mode: 0o600 });
  await link(unfinished, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(unfinished);
  return readFile(file, 'utf8');
}

const broken = (file: string, what: string): TerminalError =>
  new TerminalError(`the key file ${file} ${what}; nothing was loaded`, {
    fault: 'headgate',
    facts: { file },
  });
