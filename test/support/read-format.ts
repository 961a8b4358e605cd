import type { CsvFormat, FileFormat } from '../../lib/contract/dataset.ts';
import type { FileProfile } from '../../lib/formats/file-profile.ts';
import { normalise } from '../../lib/formats/normalise.ts';
import { profileFile } from '../../lib/formats/profile.ts';

/** As most files are. */
export const CSV: CsvFormat = {
  kind: 'csv',
  delimiter: ',',
  quote: '"',
  escape: '"',
  header: true,
  encoding: 'utf-8',
  skipLines: 0,
};

export interface ReadFile {
  readonly profile: FileProfile;
  readonly rows: readonly (readonly (string | null)[])[];
  /** Number in the file and code. */
  readonly rejects: readonly (readonly [number, string])[];
}

/** Both passes over a file, in chunks of odd sizes; the second is read back from its canonical CSV. Every record must turn up in it. */
export async function readWhole(format: FileFormat, bytes: Buffer): Promise<ReadFile> {
  const random = { bytes: bytes.length, slice: async (from: number, to: number) => bytes.subarray(from, to) };
  const profile = await profileFile(chunks(bytes), format, random);
  const rejects: (readonly [number, string])[] = [];
  if (open !== 0) throw new Error(`${open} bodies were left open`);
  if (profile.problem !== undefined) return { profile, rows: [], rejects };
  const onReject = ({ record, code }: { record: number; code: string }) => rejects.push([record, code]);
  const parts: Uint8Array[] = [];
  for await (const part of normalise(chunks(bytes), format, profile, { onReject, random })) parts.push(part);
  for await (const _part of normalise(chunks(bytes), format, profile, { onReject: () => undefined, random }))
    break;
  if (open !== 0) throw new Error(`${open} bodies were left open`);
  const [, ...rows] = canonicalRows(Buffer.concat(parts).toString());
  if (rows.length + rejects.length !== profile.records)
    throw new Error(`${profile.records} records, ${rows.length} rows and ${rejects.length} rejects`);
  return { profile, rows, rejects: rejects.sort(([a], [b]) => a - b) };
}

/** Bodies that are being read: each is a file handle of a store. */
let open = 0;

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const size = bytes.length > 100_000 ? 65_521 : 7;
  open += 1;
  try {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  } finally {
    open -= 1;
  }
}

function canonicalRows(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  for (const [field, quoted, end] of text.matchAll(/"((?:[^"]|"")*)",|,|(\n)/g)) {
    if (end !== undefined) {
      rows.push(row);
      row = [];
    } else row.push(field === ',' ? null : (quoted ?? '').replaceAll('""', '"'));
  }
  return rows;
}
