import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Ledger } from '../../ports/ledger.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { brokenKey, isKeyKnown, KEY_BYTES, parseKey, rememberKey } from '../../privacy/known-key.ts';

/** Keys in files of mode 0600, made on first use and never again once tokens were made with them. */
export function keyFiles(folder: string, ledger: Ledger): Secrets {
  return {
    async read(name) {
      const file = join(folder, `${name}.key`);
      const where = `the key file ${file}`;
      const text =
        (await readIfThere(file)) ?? ((await isKeyKnown(ledger, name)) ? undefined : await makeKey(file));
      if (text === undefined)
        throw brokenKey(where, 'is missing, but tokens were made with it; put it back from your backup');
      if (((await stat(file)).mode & 0o077) !== 0)
        throw brokenKey(where, 'can be read by others; run chmod 600 on it');
      const key = parseKey(where, text);
      await rememberKey(ledger, name, key, where);
      return key;
    },
  };
}

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw brokenKey(`the key file ${file}`, `can't be read (${error.code})`);
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
