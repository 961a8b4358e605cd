import { buffer } from 'node:stream/consumers';
import { constants, gunzipSync } from 'node:zlib';
import { TerminalError } from '../../errors.ts';
import type { FileProfile } from '../../formats/file-profile.ts';
import { needsRewrite, profileFile } from '../../formats/profile.ts';
import type { PlanInput } from '../../plan/plan.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Failure, Profiler, SampleTable } from '../../ports/profiler.ts';
import type { CsvEncoding, CsvFormat, FileFormat } from '../dataset.ts';
import { parseContract } from '../parse.ts';
import { dialectOf, type ProposedDialect } from './dialect.ts';
import { documentOf } from './document.ts';
import { decoded, encodingOf, type FormatKind, kindOf, otherKindOf } from './encoding.ts';
import { type Feed, feedOf, keyCandidates, type Lessons, NO_LESSONS, type Samples } from './feed.ts';
import { type NamedColumn, namedColumns, placeOf, positionalColumns } from './names.ts';
import { type Note, unsure } from './notes.ts';

export interface ProposePorts {
  readonly store: ObjectStore;
  readonly profiler: Profiler;
}

export interface ProposeOptions {
  /** `domain/name`; @default made from the paths */
  readonly dataset?: string;
}

/**
 * Text of a contract for the feed that the files are of. Everything in it has been held against every row, by the statements of a run.
 * @throws TerminalError where the files are not of one feed, or one can't be read at all
 */
export async function proposeContract(
  keys: readonly string[],
  { store, profiler }: ProposePorts,
  options: ProposeOptions,
): Promise<string> {
  const samples = await Promise.all(keys.map((key) => sampleOf(store, key)));
  const shape = shapeOf(await profiled(store, samples));
  const place = placeOf(keys, options.dataset);
  const inputs = shape.files.map((file) => inputOf(file, shape));
  const names = shape.columns.map(({ name }) => name);
  return profiler.withTable(inputs, names, async (table) => {
    const facts = await table.columns();
    const columns = shape.columns.flatMap((column, index) => {
      const found = facts[index];
      return found === undefined ? [] : [{ ...column, ...found }];
    });
    const known: Samples = {
      place,
      format: shape.format,
      files: keys.length,
      records: table.records,
      malformed: table.malformed,
      columns,
      notes: shape.notes,
    };
    return refined(table, known);
  });
}

interface Sample {
  readonly key: string;
  readonly kind: FormatKind;
  readonly head: Buffer;
  /** The head is the whole file. */
  readonly isWhole: boolean;
}

const HEAD_BYTES = 1024 * 1024;

async function sampleOf(store: ObjectStore, key: string): Promise<Sample> {
  const bytes = await buffer(store.read(key, { end: HEAD_BYTES }));
  if (bytes.length === 0)
    throw new TerminalError(`${key} has no bytes: there is nothing to propose a contract from`, {
      fault: 'source',
      facts: { key },
    });
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const head = isGzip ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes;
  const other = otherKindOf(head);
  if (other !== undefined)
    throw new TerminalError(
      `${key} is ${other}; a contract is proposed for CSV, JSON, JSON lines and Parquet, plain or packed by gzip: write one by hand (docs/contract-reference.md)`,
      { fault: 'source', facts: { key } },
    );
  return { key, kind: kindOf(head), head, isWhole: bytes.length < HEAD_BYTES };
}

interface Profiled extends Sample {
  readonly profile: FileProfile;
  readonly etag: string;
  readonly bytes: number;
  readonly dialect?: ProposedDialect;
}

interface Checked {
  readonly format: FileFormat;
  readonly files: readonly Profiled[];
}

/** Every file read whole, in the format that its beginning and those of the others suggest. */
async function profiled(store: ObjectStore, samples: readonly Sample[]): Promise<Checked> {
  const kinds = Map.groupBy(samples, ({ kind }) => kind);
  const [kind = 'csv'] = kinds.keys();
  if (kinds.size > 1)
    throw notOneFeed(
      'formats',
      [...kinds].map(([name, [first]]) => `${first?.key} is ${name}`),
    );
  if (kind !== 'csv') {
    const format = { kind };
    return { format, files: await all(store, samples, format) };
  }
  const encodings = [...new Set(samples.map(({ head }) => encodingOf(head)))];
  const wide =
    encodings.length === 1 ? encodings[0] : encodings.includes('utf-16') ? undefined : 'windows-1252';
  if (wide === undefined)
    throw notOneFeed(
      'encodings',
      samples.map(({ key, head }) => `${key} is ${encodingOf(head)}`),
    );
  const first = await csvFiles(store, samples, wide);
  const isUtf8 = first.files.every(({ profile }) => profile.problem?.code !== 'file.encoding');
  const found = isUtf8 ? first : await csvFiles(store, samples, 'windows-1252');
  return { ...found, files: found.files.map(whole) };
}

const notOneFeed = (what: string, found: readonly string[]): TerminalError =>
  new TerminalError(
    `the files have different ${what}: ${found.slice(0, 5).join(', ')}; propose a contract for each`,
    { fault: 'source' },
  );

async function csvFiles(
  store: ObjectStore,
  samples: readonly Sample[],
  encoding: CsvEncoding,
): Promise<Checked> {
  const dialects = samples.map(({ head, isWhole }) => dialectOf(decoded(head, encoding), encoding, isWhole));
  const bySigns = Map.groupBy(dialects.entries(), ([, { csv }]) =>
    JSON.stringify([csv.delimiter, csv.header, csv.skipLines]),
  );
  if (bySigns.size > 1)
    throw notOneFeed(
      'dialects',
      [...bySigns].map(
        ([signs, [one]]) => `${samples[one?.[0] ?? 0]?.key} has delimiter, header and skipped lines ${signs}`,
      ),
    );
  const [most] = [...Map.groupBy(dialects, ({ csv }) => JSON.stringify(csv)).values()].sort(
    (a, b) => b.length - a.length,
  );
  const format = (most?.[0] ?? dialects[0])?.csv as CsvFormat;
  const files = await all(store, samples, format, (file) => file.profile.problem?.code === 'file.encoding');
  return {
    format,
    files: files.map((file, index) => ({
      ...file,
      ...(dialects[index] === undefined ? {} : { dialect: dialects[index] }),
    })),
  };
}

async function all(
  store: ObjectStore,
  samples: readonly Sample[],
  format: FileFormat,
  maySkip: (file: Profiled) => boolean = () => false,
): Promise<readonly Profiled[]> {
  const files: Profiled[] = [];
  for (const sample of samples) {
    const { key } = sample;
    const info = await store.stat(key);
    if (info === undefined) throw new TerminalError(`${key} is no file`, { fault: 'source', facts: { key } });
    const slice = (start: number, end: number) => buffer(store.read(key, { start, end }));
    const profile = await profileFile(store.read(key, { etag: info.etag }), format, {
      bytes: info.bytes,
      slice,
    });
    const file = { ...sample, profile, etag: info.etag, bytes: info.bytes };
    files.push(maySkip(file) ? file : whole(file));
  }
  return files;
}

function whole(file: Profiled): Profiled {
  const { problem } = file.profile;
  if (problem === undefined) return file;
  throw new TerminalError(`${file.key} can't be taken in: ${problem.code}: ${problem.message}`, {
    fault: 'source',
    facts: { key: file.key },
  });
}

interface Shape extends Checked {
  readonly columns: readonly NamedColumn[];
  readonly notes: readonly Note[];
}

const headerOf = ({ profile }: Profiled): readonly string[] =>
  (profile.header ?? []).map((name) => name.replace(/^\uFEFF/, '').trim());

function shapeOf({ format, files }: Checked): Shape {
  const notes = new Map(
    files.flatMap(({ dialect }) => (dialect?.notes ?? []).map((note) => [note.text, note] as const)),
  );
  if (format.kind === 'csv' && format.encoding === 'windows-1252')
    notes.set(
      'encoding',
      unsure(
        'the bytes are not UTF-8; windows-1252 reads every byte, so nothing tells it from other one-byte encodings',
      ),
    );
  const named = format.kind !== 'csv' || format.header;
  const widths = new Set(files.map(({ profile }) => profile.width));
  if (!named && widths.size > 1)
    throw notOneFeed(
      'numbers of fields',
      files.map(({ key, profile }) => `${key} has ${profile.width}`),
    );
  const first = files[0]?.dialect?.first ?? [];
  const width = files[0]?.profile.width ?? first.length;
  const columns = named
    ? namedColumns(files.map(headerOf))
    : positionalColumns(
        Array.from({ length: width }, (_, index) => first[index] ?? ''),
        files.map((_, index) => index),
      );
  if (columns.length === 0)
    throw new TerminalError(`${files[0]?.key ?? ''} has no columns: no record is an object`, {
      fault: 'source',
    });
  return { format, files, columns, notes: [...notes.values()] };
}

function inputOf(file: Profiled, { format, columns }: Shape): PlanInput {
  const named = (source: string) =>
    columns.find(({ name }) => name === source) ??
    columns.find(({ sourceNames }) => sourceNames.includes(source));
  const fields =
    file.profile.header === undefined
      ? columns.map(({ name }) => name)
      : headerOf(file).map((source) => named(source)?.name ?? null);
  const { key, etag, bytes, profile } = file;
  return {
    fileId: key,
    key,
    etag,
    bytes,
    records: profile.records,
    format,
    fields,
    rewrite: needsRewrite(format, profile),
    profile,
  };
}

/** Each round learns at least one text, or gives up on one column or check. */
const MOST_ROUNDS = 30;

/** Proposes, holds the proposal against every row, learns from the rows that fail, and proposes again. */
async function refined(table: SampleTable, samples: Samples): Promise<string> {
  let lessons = NO_LESSONS;
  let feed = feedOf(samples, lessons);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const failures = await table.failures(datasetOf(documentOf(feed)));
    if (failures.length === 0) return finished(table, samples, lessons, feed);
    for (const failure of failures) lessons = learnt(lessons, failure);
    const next = feedOf(samples, lessons);
    for (const failure of failures) if (isUnmoved(feed, next, failure)) lessons = givenUp(lessons, failure);
    feed = feedOf(samples, lessons);
  }
  throw new TerminalError(
    `no contract was found that takes every row in ${MOST_ROUNDS} rounds; please report it`,
    { fault: 'headgate' },
  );
}

/** The texts that failed look like the type that was proposed, so they teach nothing. */
function isUnmoved(before: Feed, after: Feed, { column, check }: Failure): boolean {
  const typeIn = (feed: Feed) => JSON.stringify(feed.columns.find(({ name }) => name === column)?.type);
  return ABOUT_TEXTS.test(check) && typeIn(before) === typeIn(after);
}

function datasetOf(text: string) {
  const [dataset] = parseContract(text, 'the proposed contract').datasets;
  if (dataset === undefined)
    throw new TerminalError('the proposed contract has no dataset', { fault: 'headgate' });
  return dataset;
}

const ABOUT_TEXTS = /[.](type|fits|format|pattern)$/;

function learnt(lessons: Lessons, { check, column, examples }: Failure): Lessons {
  if (column === undefined || !ABOUT_TEXTS.test(check))
    return { ...lessons, dropped: new Set([...lessons.dropped, check]) };
  const known = lessons.examples.get(column) ?? [];
  return { ...lessons, examples: new Map([...lessons.examples, [column, [...known, ...examples]]]) };
}

const givenUp = (lessons: Lessons, { column = '', rows }: Failure): Lessons => ({
  ...lessons,
  texts: new Map([...lessons.texts, [column, rows]]),
});

async function finished(table: SampleTable, samples: Samples, lessons: Lessons, feed: Feed): Promise<string> {
  const nearKeys = new Map<string, number>();
  for (const key of keyCandidates(feed, samples)) {
    const repeats = await table.repeats(key);
    if (repeats === 0) return documentOf(feedOf(samples, { ...lessons, key }));
    if (key.length === 1) nearKeys.set(key[0] ?? '', repeats);
  }
  const repeated = await table.repeats([]);
  return documentOf(feedOf(samples, { ...lessons, nearKeys, repeated }));
}
