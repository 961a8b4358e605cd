import type { FileProfile } from '../formats/file-profile.ts';
import { normalise, type RecordPlace, type RejectedRecord } from '../formats/normalise.ts';
import { randomAccess } from '../intake/judge.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ReadableInput, Reject } from './parsing.ts';
import type { PlanInput } from './plan.ts';

/** Every input as DuckDB's parser can read it. `rejects`: records that `lib/formats` refused on the way. */
export interface Prepared {
  readonly inputs: readonly ReadableInput[];
  readonly rejects: readonly Reject[];
}

/** Stores a rewritten input under a name of the run and gives its address. */
export type Rewrite = (name: string, body: AsyncIterable<Uint8Array>) => Promise<string>;

/** The step that every engine shares: what the parser can't take as it stands is rewritten by `lib/formats` first, once. */
export async function prepare(
  inputs: readonly PlanInput[],
  raw: ObjectStore,
  rewrite: Rewrite,
): Promise<Prepared> {
  const rejects: Reject[] = [];
  const readable: ReadableInput[] = [];
  for (const [file, input] of inputs.entries()) {
    readable.push(
      input.rewrite ? await rewritten(input, file, { raw, rewrite, rejects }) : inPlace(input, file, raw),
    );
  }
  return { inputs: readable, rejects };
}

const inPlace = (input: PlanInput, file: number, raw: ObjectStore): ReadableInput => ({
  input,
  file,
  path: `${raw.root}/${input.key}`,
  reader:
    input.format.kind === 'parquet'
      ? {
          kind: 'parquet',
          names: (input.profile as FileProfile).header ?? [],
          types: (input.profile as FileProfile).types ?? [],
          nested: (input.profile as FileProfile).nested ?? [],
        }
      : {
          kind: 'csv',
          csv: input.format.kind === 'csv' ? readerOf(input.format) : CANONICAL,
          compression: (input.profile as FileProfile).compression,
          nothingIsNull: false,
        },
  inPlace: (input.profile as FileProfile).compression === 'none',
});

const CANONICAL = { delimiter: ',', quote: '"', escape: '"', header: true, skipLines: 0 } as const;

const readerOf = ({
  delimiter,
  quote,
  escape,
  header,
  skipLines,
}: Extract<PlanInput['format'], { kind: 'csv' }>) => ({
  delimiter,
  quote,
  escape,
  header,
  skipLines,
});

interface Rewriting {
  readonly raw: ObjectStore;
  readonly rewrite: Rewrite;
  readonly rejects: Reject[];
}

async function rewritten(
  input: PlanInput,
  file: number,
  { raw, rewrite, rejects }: Rewriting,
): Promise<ReadableInput> {
  const body = raw.read(input.key, { etag: input.etag });
  const isPlain = (input.profile as FileProfile).compression === 'none';
  const onReject = ({ record, code, start, end }: RejectedRecord) =>
    rejects.push({ file, record, code, start: isPlain ? start : null, end: isPlain ? end : null });
  const random = randomAccess(raw, input);
  const places: RecordPlace[] = [];
  const isCountable = isPlain && input.format.kind === 'csv' && input.format.encoding === 'utf-8';
  // The record after the last counted one is the trailer.
  const onPlace = (place: RecordPlace) => {
    if (place.record <= input.records) places.push(place);
  };
  const options = { onReject, random, ...(isCountable ? { onPlace } : {}) };
  const canonical = normalise(body, input.format, input.profile as FileProfile, options);
  const path = await rewrite(`${file}.csv`, canonical);
  const read = { kind: 'csv', compression: 'none' } as const;
  if (input.format.kind === 'csv') {
    const csv = { ...readerOf(input.format), skipLines: 0 };
    return { input, file, path, reader: { ...read, csv, nothingIsNull: false }, inPlace: false, places };
  }
  // A field of no column ends every line, so that a record of one null is no blank line.
  return {
    input: { ...input, fields: [...input.fields, null] },
    file,
    path,
    reader: { ...read, csv: CANONICAL, nothingIsNull: true },
    inPlace: false,
  };
}
