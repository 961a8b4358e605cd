import * as z from 'zod/mini';
import { jsonOf } from '../json.ts';

/** A member that a manifest names, and what it states of its bytes and records. */
export interface ManifestEntry {
  /** Key, address, or path from the manifest's folder. */
  readonly name: string;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly records?: number;
}

/** Entries stand in the ledger beside the file's own: 400 KB an item, gzipped. */
export const MANIFEST_BYTES = 256 * 1024;

const count = z.optional(z.int().check(z.nonnegative()));
const text = z.string().check(z.minLength(1));
const hash = z.string().check(z.regex(/^[0-9a-fA-F]{64}$/));
/** Strict: a total that nobody compares would be no total. */
const entry = z.union([
  text,
  z.strictObject({
    name: z.optional(text),
    key: z.optional(text),
    path: z.optional(text),
    url: z.optional(text),
    bytes: count,
    size: count,
    sha256: z.optional(hash),
    records: count,
    rows: count,
  }),
]);
const entries = z.array(entry);
const document = z.union([entries, z.looseObject({ files: entries }), z.looseObject({ entries })]);

const ALLOWED =
  'allowed: a JSON array, or an object with files or entries, of names or of objects with name (key, path, url), bytes (size), sha256, records (rows); or one name a line, with its SHA-256 before it or not';

/** A manifest's entries, or what is wrong with it: the end of a sentence that begins with "the manifest". */
export function parseManifest(content: string): readonly ManifestEntry[] | string {
  const trimmed = content.replace(/^\uFEFF/, '').trim();
  const found = /^[[{]/.test(trimmed) ? fromJson(trimmed) : fromLines(trimmed);
  if (typeof found === 'string') return found;
  const names = new Set<string>();
  for (const { name } of found) {
    if (names.has(name)) return `names a file twice: ${name.slice(0, 100)}`;
    names.add(name);
  }
  return found;
}

function fromJson(text: string): readonly ManifestEntry[] | string {
  const parsed = document.safeParse(jsonOf(text));
  if (!parsed.success) return `is not understood; ${ALLOWED}`;
  const { data } = parsed;
  const list = Array.isArray(data) ? data : ((data.files ?? data.entries) as z.infer<typeof entries>);
  const read: ManifestEntry[] = [];
  for (const each of list) {
    if (typeof each === 'string') {
      read.push({ name: each });
      continue;
    }
    const names = [each.name, each.key, each.path, each.url].filter((name) => name !== undefined);
    const [name] = names;
    if (name === undefined || names.length > 1) return `has an entry with ${names.length} names; ${ALLOWED}`;
    const bytes = each.bytes ?? each.size;
    const records = each.records ?? each.rows;
    read.push({
      name,
      ...(bytes === undefined ? {} : { bytes }),
      ...(records === undefined ? {} : { records }),
      ...(each.sha256 === undefined ? {} : { sha256: each.sha256.toLowerCase() }),
    });
  }
  return read;
}

const SUM_LINE = /^([0-9a-fA-F]{64}) [ *](.+)$/;

/** As `sha256sum` prints them, or names alone. */
const fromLines = (text: string): readonly ManifestEntry[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, sha256, name] = SUM_LINE.exec(line) ?? [];
      return name === undefined || sha256 === undefined
        ? { name: line }
        : { name, sha256: sha256.toLowerCase() };
    });
