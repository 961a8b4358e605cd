import { buffer } from 'node:stream/consumers';
import type { Dataset, FileFormat } from '../contract/dataset.ts';
import type { FileProfile, RandomAccess } from '../formats/file-profile.ts';
import { profileFile } from '../formats/profile.ts';
import type { FileEntry, Reason } from '../ledger/entries.ts';
import type { ObjectInfo, ObjectStore } from '../ports/object-store.ts';
import { matchHeader } from './header.ts';
import type { ReasonCode } from './reasons.ts';

/** An item of DynamoDB holds 400 KB: whatever a file holds, its entry fits. */
const LEDGER_HEADER_BYTES = 128 * 1024;

/** What the ledger keeps of a file that no contract has admitted yet: its names and its trailer may be a row, with a person's data. */
export const nameless = ({ header: _header, trailer: _trailer, ...profile }: FileProfile): FileProfile =>
  profile;

/** Pure: whether the contract admits the file, and which field feeds which column. The profile is the entry's own only where it does. */
export function judge(entry: FileEntry, dataset: Dataset, profile: FileProfile): FileEntry {
  if (profile.problem !== undefined) return refused(entry, profile.problem.code, profile.problem.message);
  if (Buffer.byteLength(JSON.stringify(profile.header ?? [])) > LEDGER_HEADER_BYTES) {
    const message = `the names of its columns take more than ${LEDGER_HEADER_BYTES} bytes; send a file with shorter or fewer ones`;
    return refused(entry, 'file.too_large', message);
  }
  const header = matchHeader(dataset, profile);
  if (header.kind === 'refusal') return refused(entry, 'file.header', header.message);
  const wrongTotal = controlTotal(dataset, profile);
  if (wrongTotal !== undefined) return refused(entry, 'file.control_total', wrongTotal);
  return { ...entry, fields: header.fields, profile };
}

/** A refused file counts all its records as quarantined: they wait in it. */
export const refused = (file: FileEntry, code: ReasonCode | (string & {}), message: string): FileEntry => ({
  ...file,
  state: 'quarantined',
  reasons: [
    ...file.reasons.filter((reason) => reason.code !== 'file.incomplete_set'),
    { code, message } satisfies Reason,
  ],
  counts: {
    received: file.counts.received,
    published: 0,
    quarantined: file.counts.received,
    deduplicated: 0,
  },
});

function controlTotal(dataset: Dataset, profile: FileProfile): string | undefined {
  const trailer = dataset.format.kind === 'csv' ? dataset.format.trailer : undefined;
  if (trailer === undefined) return undefined;
  const stated = profile.trailer?.[trailer.countField];
  if (stated !== undefined && /^\d+$/.test(stated) && Number(stated) === profile.records) return undefined;
  return `the trailer does not state the ${profile.records} records that the file holds; it may be cut off, send it again`;
}

/** One pass over an object: its hash, its records, its fields. */
export const profileObject = (
  store: ObjectStore,
  info: Pick<ObjectInfo, 'key' | 'etag' | 'bytes'>,
  format: FileFormat | undefined,
): Promise<FileProfile> =>
  profileFile(store.read(info.key, { etag: info.etag }), format, randomAccess(store, info));

export const randomAccess = (
  store: ObjectStore,
  { key, etag, bytes }: Pick<ObjectInfo, 'key' | 'etag' | 'bytes'>,
): RandomAccess => ({
  bytes,
  slice: (start, end) => buffer(store.read(key, { etag, start, end })),
});
