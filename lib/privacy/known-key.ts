import { createHash } from 'node:crypto';
import { TerminalError } from '../errors.ts';
import type { Ledger } from '../ports/ledger.ts';

export const KEY_BYTES = 32;

export const brokenKey = (where: string, what: string): TerminalError =>
  new TerminalError(`${where} ${what}; nothing was loaded`, { fault: 'headgate', facts: { where } });

/** Hexadecimal digits to a key. @throws TerminalError for anything else */
export function parseKey(where: string, text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length === KEY_BYTES && text.trim().length === 2 * KEY_BYTES) return key;
  throw brokenKey(
    where,
    `does not hold ${KEY_BYTES} bytes as hexadecimal digits; put it back from your backup`,
  );
}

const fingerprintOf = (key: Uint8Array): string =>
  createHash('sha256').update('headgate key').update(key).digest('hex').slice(0, 16);

/** Whether tokens were made with a key of this name. */
export const isKeyKnown = async (ledger: Ledger, name: string): Promise<boolean> =>
  (await ledger.get('secret', name)) !== undefined;

/**
 * The ledger keeps a fingerprint of the key that tokens were made with: another one would give the same person another token.
 * @throws TerminalError when `key` is not that one
 */
export async function rememberKey(
  ledger: Ledger,
  name: string,
  key: Uint8Array,
  where: string,
): Promise<void> {
  const fingerprint = fingerprintOf(key);
  await ledger.transact([
    { kind: 'put', partition: 'secret', sort: name, body: { fingerprint }, ifVersion: 0 },
  ]);
  const known = await ledger.get<{ fingerprint: string }>('secret', name);
  if (known?.body.fingerprint !== fingerprint)
    throw brokenKey(where, 'is another key than tokens were made with; put the old one back');
}
