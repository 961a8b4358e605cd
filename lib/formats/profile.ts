import { createHash } from 'node:crypto';
import type { FileFormat } from '../contract/dataset.ts';
import { inflated, type Part } from './compression.ts';
import { profileCsv } from './csv-profile.ts';
import type { Compression, Content, FileProfile, RandomAccess } from './file-profile.ts';
import { profileFixedWidth } from './fixed-width.ts';
import { FormatProblem } from './problem.ts';

/**
 * Hashes and counts in one streaming pass with constant memory, without the engine: both counts must agree.
 * Without a format it only hashes.
 * What is wrong with the bytes is the profile's `problem`, not an exception; the hash is of all bytes even then.
 */
export async function profileFile(
  body: AsyncIterable<Uint8Array>,
  format: FileFormat | undefined,
  random: RandomAccess,
): Promise<FileProfile> {
  const hash = createHash('sha256');
  let bytes = 0;
  const source = body[Symbol.asyncIterator]();
  // Without `return`: a reader that gives up does not close the body, so that the rest is hashed too.
  const hashed: AsyncIterableIterator<Uint8Array> = {
    async next() {
      const result = await source.next();
      if (result.done !== true) {
        hash.update(result.value);
        bytes += result.value.length;
      }
      return result;
    },
    [Symbol.asyncIterator]: () => hashed,
  };
  try {
    const { content, problem, ...packing } = await contentOf(hashed, format, random);
    for await (const _rest of hashed);
    const failure = problem === undefined ? {} : { problem };
    return { records: 0, ...content, ...failure, ...packing, bytes, sha256: hash.digest('hex') };
  } finally {
    await source.return?.();
  }
}

interface Found {
  readonly compression: Compression;
  readonly isOddGzip?: boolean;
  readonly plainBytes?: number;
  readonly content?: Content | undefined;
  readonly problem?: { readonly code: string; readonly message: string };
}

async function contentOf(
  body: AsyncIterator<Uint8Array>,
  format: FileFormat | undefined,
  random: RandomAccess,
): Promise<Found> {
  let compression: Compression = 'none';
  if (format === undefined) return { compression };
  try {
    const { parts, isOddGzip, ...packed } = await inflated(body, random, !isWhole(format));
    compression = packed.compression;
    if (compression === 'none') return { compression, content: await contentOfParts(parts, format, random) };
    let plainBytes = 0;
    const counted = counting(parts, (bytes) => {
      plainBytes += bytes;
    });
    const content = await contentOfParts(counted, format, random);
    return { compression, plainBytes, content, ...(isOddGzip() ? { isOddGzip: true } : {}) };
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return { compression, problem: { code: error.code, message: error.message } };
  }
}

async function* counting(parts: AsyncIterable<Part>, count: (bytes: number) => void): AsyncGenerator<Part> {
  for await (const { body, ...part } of parts) {
    const counted = async function* () {
      for await (const chunk of body) {
        count(chunk.length);
        yield chunk;
      }
    };
    yield { ...part, body: counted() };
  }
}

/** Kinds that are packed in themselves and read from their ends. */
const isWhole = ({ kind }: FileFormat): boolean => kind === 'parquet' || kind === 'xlsx';

async function contentOfParts(
  parts: AsyncIterable<Part>,
  format: FileFormat,
  random: RandomAccess,
): Promise<Content | undefined> {
  let all: Content | undefined;
  for await (const { name, body } of parts) {
    if (name === undefined) return passOf(body, format, random);
    const content = await named(name, () => passOf(body, format, random));
    const members = [...(all?.members ?? []), { name, records: content.records }];
    all = { ...(all === undefined ? content : together(all, content, format, name)), members };
  }
  return all;
}

/** The archive's messages name the member. */
async function named<Value>(member: string, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    throw new FormatProblem(error.code, `member ${member}: ${error.message}`, error);
  }
}

/** What members say of one file: the names of keyed records together, columns by position the same in each. */
function together(all: Content, next: Content, format: FileFormat, name: string): Content {
  const records = all.records + next.records;
  if (format.kind === 'json' || format.kind === 'jsonl' || format.kind === 'xml' || format.kind === 'avro')
    return { ...all, records, header: [...new Set([...(all.header ?? []), ...(next.header ?? [])])] };
  const isSame = all.header?.join('\n') === next.header?.join('\n') && all.width === next.width;
  if (!isSame)
    throw new FormatProblem(
      'file.header',
      `member ${name} has other columns, or another order of them, than the members before it; send them as files of their own`,
    );
  if (all.trailer !== undefined)
    throw new FormatProblem(
      'file.format',
      'an archive of several files with trailers is not supported: send each file alone',
    );
  const any = (flag: 'hasLongRecords' | 'hasSurplusDelimiters' | 'hasOddPreamble') =>
    all[flag] === true || next[flag] === true ? { [flag]: true } : {};
  return {
    ...all,
    records,
    hasBlankLines: true,
    ...any('hasLongRecords'),
    ...any('hasSurplusDelimiters'),
    ...any('hasOddPreamble'),
  };
}

/** Readers of formats other than lines are loaded when one is met: intake on AWS starts without them. */
async function passOf(
  body: AsyncIterable<Uint8Array>,
  format: FileFormat,
  random: RandomAccess,
): Promise<Content> {
  switch (format.kind) {
    case 'csv':
      return profileCsv(body, format);
    case 'json':
    case 'jsonl':
      return format.nesting === undefined
        ? (await import('./json-profile.ts')).profileJson(body, format.kind)
        : (await import('./json-nested.ts')).profileNestedJson(body, format);
    case 'parquet':
      return (await import('./parquet-profile.ts')).profileParquet(body, random);
    case 'avro':
      return (await import('./avro-records.ts')).profileAvro(body, format);
    case 'xml':
      return (await import('./xml-records.ts')).profileXml(body, format);
    case 'xlsx':
      return (await import('./xlsx-records.ts')).profileXlsx(random, format);
    case 'fixedWidth':
      return profileFixedWidth(body, format);
  }
}

/** The engine's parser can't take these bytes as they stand: `normalise` writes them again. */
export const needsRewrite = (format: FileFormat, profile: FileProfile): boolean => {
  switch (format.kind) {
    case 'csv':
      // DuckDB 1.5.6 stops at mixed line ends, takes blank lines of a single column for records, and counts them in the numbers of rejects;
      // it takes a quote in a skipped line for one that opens a field, and passes over fields too many when they are empty.
      return (
        format.encoding !== 'utf-8' ||
        profile.lineEnd === 'cr' ||
        profile.lineEnd === 'mixed' ||
        profile.hasBlankLines === true ||
        profile.hasLongRecords === true ||
        profile.hasOddPreamble === true ||
        profile.hasSurplusDelimiters === true ||
        profile.isOddGzip === true ||
        (profile.compression !== 'none' && profile.compression !== 'gzip')
      );
    case 'json':
    case 'jsonl':
    case 'avro':
    case 'xml':
    case 'xlsx':
    case 'fixedWidth':
      return true;
    case 'parquet':
      return false;
  }
};
