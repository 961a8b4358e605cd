import { createHash } from 'node:crypto';
import { stampOf, UNDATED } from '../ledger/entries.ts';

export interface FileIdentity {
  readonly businessDate?: string;
  readonly receivedAt: Date;
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly sha256: string;
}

/**
 * A file's name in the ledger and in `_source_file`: `2026-01-31.20261121T042359123Z.3fa9c1d2e4b0`. Its text sorts by business date
 * and time received, which is the order that decides which of two rows wins; the same object always has the same one.
 */
export function fileIdOf({ businessDate, receivedAt, bucket, key, etag, sha256 }: FileIdentity): string {
  const rest = createHash('sha256')
    .update(JSON.stringify([bucket, key, etag, sha256]))
    .digest('hex')
    .slice(0, 12);
  return `${businessDate === undefined ? UNDATED : `${businessDate}.`}${stampOf(receivedAt)}.${rest}`;
}
