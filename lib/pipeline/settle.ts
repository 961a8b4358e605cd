import { createHash } from 'node:crypto';
import { TerminalError } from '../errors.ts';
import type { FileEntry } from '../ledger/entries.ts';
import { partitions } from '../ledger/entries.ts';
import { fileOf, settled } from '../ledger/files.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ObjectStore } from '../ports/object-store.ts';

const FINAL: readonly FileEntry['state'][] = ['published', 'quarantined', 'duplicate'];

/**
 * Empties the lake's own landing place: an object goes once its file is final and its copy in raw has the hash that intake took. An object that
 * has been overwritten meanwhile is another file and stays.
 */
export async function settleLanding(ports: {
  readonly ledger: Ledger;
  readonly landing: ObjectStore;
  readonly raw: ObjectStore;
}): Promise<void> {
  const { ledger, landing, raw } = ports;
  const waiting = await ledger.query<{ dataset: string; fileId: string }>({
    partition: partitions.settling,
    limit: 100_000,
  });
  for (const { body } of waiting) {
    const file = await fileOf(ledger, body.dataset, body.fileId);
    if (file === undefined || !FINAL.includes(file.state)) continue;
    const landed = await landing.stat(file.key);
    if (landed?.etag === file.etag) {
      await requireCopy(raw, file);
      await landing.remove(file.key);
    }
    await settled(ledger, file);
  }
}

async function requireCopy(raw: ObjectStore, file: FileEntry): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of raw.read(file.rawKey)) hash.update(chunk);
  if (hash.digest('hex') === file.sha256) return;
  throw new TerminalError(
    `the copy of ${file.key} in raw has another hash than what landed; the landed file is kept`,
    {
      fault: 'headgate',
      facts: { key: file.key, raw: file.rawKey },
    },
  );
}
