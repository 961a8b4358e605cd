import { createHash } from 'node:crypto';
import type { FileEntry } from '../ledger/entries.ts';

/** What names the copy of a landed object within its folder in raw. */
export const copyName = ({ bucket, key, etag }: Pick<FileEntry, 'bucket' | 'key' | 'etag'>): string =>
  createHash('sha256')
    .update(JSON.stringify([bucket, key, etag]))
    .digest('hex')
    .slice(0, 16);

/** By the object's identity, so that the same object has one place and another version another. */
export const rawKey = (
  object: Pick<FileEntry, 'bucket' | 'key' | 'etag'> & { readonly modified: Date },
  dataset: string,
): string => `${dataset}/${object.modified.toISOString().slice(0, 10)}/${copyName(object)}`;

/** Bytes that a person has handed in, or with mended rows: other ones than those that landed under the file's name. */
export const isCorrection = (key: string): boolean => /^[^/]+\/[^/]+\/corrected\//.test(key);
