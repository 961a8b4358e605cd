import { createHash } from 'node:crypto';
import { ConflictError, TerminalError } from '../errors.ts';
import { inParallel } from '../in-parallel.ts';
import { isCorrection, rawKey } from '../intake/raw-keys.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { partitions } from '../ledger/entries.ts';
import { everything } from '../ledger/everything.ts';
import { fileOf, settled } from '../ledger/files.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ObjectStore } from '../ports/object-store.ts';

const WAITING: readonly FileEntry['state'][] = ['admitted', 'held'];

/** Each is a handful of requests one after the other, and as many files have to go as come in. */
const AT_ONCE = 16;

interface SettlePorts {
  readonly ledger: Ledger;
  /** The lake's own landing place. */
  readonly landing: ObjectStore;
  readonly raw: ObjectStore;
}

/** An object that has to stay in landing for now. */
export interface Unsettled {
  readonly key: string;
  readonly error: unknown;
}

/**
 * Empties the lake's own landing place: an object goes once its file is final and its copy in raw has the hash that intake took. An object that
 * has been overwritten meanwhile is another file and stays. One that can't be settled keeps no other from it.
 */
export async function settleLanding(ports: SettlePorts): Promise<readonly Unsettled[]> {
  const { ledger } = ports;
  const waiting = await Array.fromAsync(
    everything<{ dataset: string; fileId: string }>(ledger, { partition: partitions.settling }),
  );
  const unsettled: Unsettled[] = [];
  await inParallel(AT_ONCE, waiting, async ({ body }) => {
    const file = await fileOf(ledger, body.dataset, body.fileId);
    if (file === undefined || WAITING.includes(file.state)) return;
    await settle(ports, file).catch((error: unknown) => unsettled.push({ key: file.key, error }));
  });
  return unsettled;
}

async function settle({ ledger, landing, raw }: SettlePorts, file: FileEntry): Promise<void> {
  const landed = await landing.stat(file.key);
  if (landed?.etag === file.etag) {
    // What landed lies beside a copy with mended rows.
    const copy = isCorrection(file.rawKey)
      ? rawKey({ ...landed, bucket: file.bucket }, file.dataset)
      : file.rawKey;
    await requireCopy(raw, file, copy);
    await landing.remove(file.key, file.etag).catch(unlessReplaced);
  }
  await settled(ledger, file);
}

const unlessReplaced = (error: unknown): void => {
  if (!(error instanceof ConflictError)) throw error;
};

async function requireCopy(raw: ObjectStore, file: FileEntry, copy: string): Promise<void> {
  if ((await hashOf(raw, copy)) === file.sha256) return;
  throw new TerminalError(
    `the copy of ${file.key} in raw has another hash than what landed; the landed file is kept: restore ${copy} in raw, from the landed file where it is the same`,
    {
      fault: 'headgate',
      facts: { key: file.key, raw: copy },
    },
  );
}

/** SHA-256 of an object's bytes. @throws ConflictError where they are not those of `etag` */
export async function hashOf(store: ObjectStore, key: string, etag?: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of store.read(key, etag === undefined ? {} : { etag })) hash.update(chunk);
  return hash.digest('hex');
}
