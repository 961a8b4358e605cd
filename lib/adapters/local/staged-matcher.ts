import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type HeadgateError, TransientError } from '../../errors.ts';
import { inParallel } from '../../in-parallel.ts';
import { MATCH_PREFIX } from '../../matching/places.ts';
import type { LinkAnswer } from '../../matching/settings.ts';
import type { Matcher, MatchSession } from '../../ports/matcher.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { keyOf } from '../../table/table.ts';
import { type SessionOptions, withDuckDb } from './duckdb-session.ts';
import { type Comparer, RECORDS, workshopOf } from './splink-matcher.ts';
import { COPIES_AT_ONCE, upload } from './staged-engine.ts';

export interface StagedMatcherOptions extends SessionOptions {
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  /** Begins the job of a key, whose document stands at the address, or joins it; its failure where it has failed. @throws MatchWaiting while it works, TerminalError and TransientError where it can't be asked for */
  readonly launch: (key: string, address: string) => Promise<HeadgateError | undefined>;
}

/** Splink beside stores that DuckDB can't read, in a job that nobody waits for. Opened again with the same key it goes on where the answer stands. */
export const stagedMatcher = ({ stores, launch, ...session }: StagedMatcherOptions): Matcher => ({
  engine: 'spark',
  async open(order, work) {
    const { entity, files } = order;
    const scratch = join(session.scratch, 'match', entity);
    try {
      const done = await withDuckDb({ ...session, scratch }, async (db) => {
        const local = await bring(stores, files, scratch);
        const lake = join(scratch, 'lake');
        const workshop = workshopOf(db, { scratch, lake, compare: remotely(stores.vault, order, launch) });
        const write: typeof workshop.write = async (output) =>
          inParallel(COPIES_AT_ONCE, await workshop.write(output), (file) => upload(stores.lake, lake, file));
        return work({ ...workshop, write }, (file) => local.get(file) ?? file);
      });
      await clear(stores.vault, entity);
      return done;
    } catch (error) {
      // Of what passes the next call may have the answer still: a job of one key is not begun again, and may read its records now.
      if (!(error instanceof TransientError)) await clear(stores.vault, entity);
      throw error;
    }
  },
});

async function bring(
  { lake, vault }: StagedMatcherOptions['stores'],
  files: readonly string[],
  scratch: string,
): Promise<ReadonlyMap<string, string>> {
  await mkdir(join(scratch, 'tables'), { mode: 0o700 });
  const copies = await inParallel(COPIES_AT_ONCE, files, async (file) => {
    const store = file.startsWith(`${vault.root}/`) ? vault : lake;
    const path = join(scratch, 'tables', `${files.indexOf(file)}.parquet`);
    await copy(store, keyOf(store, file), path);
    return [file, path] as const;
  });
  return new Map(copies);
}

const copy = (store: ObjectStore, key: string, path: string): Promise<void> =>
  pipeline(Readable.from(store.read(key)), createWriteStream(path, { mode: 0o600 }));

const remotely =
  (vault: ObjectStore, { entity, key }: MatchSession, launch: StagedMatcherOptions['launch']): Comparer =>
  async (folder, job) => {
    const at = (name: string) => `${MATCH_PREFIX}${entity}/${key}/${name}`;
    const address = (name: string) => `${vault.root}/${at(name)}`;
    if ((await vault.stat(at('answer.json'))) === undefined) {
      if ((await vault.stat(at('job.json'))) === undefined) {
        await vault.write(at(RECORDS), createReadStream(join(folder, RECORDS)));
        const places = { records: address(RECORDS), pairs: address('pairs'), answer: address('answer.json') };
        await vault.write(at('job.json'), Buffer.from(JSON.stringify(job(places))));
      }
      const failure = await launch(key, address('job.json'));
      // It may have answered since it was looked for.
      if (failure !== undefined && (await vault.stat(at('answer.json'))) === undefined) {
        await clear(vault, entity);
        throw failure;
      }
    }
    // Written by match_records.py alone, which is of the same version as this.
    const answer = (await json(vault.read(at('answer.json')))) as LinkAnswer;
    const pairs = join(folder, 'pairs');
    await mkdir(pairs, { mode: 0o700 });
    for await (const { key: file } of vault.list(`${at('pairs')}/${answer.attempt}/`))
      if (file.endsWith('.parquet'))
        await copy(vault, file, join(pairs, file.slice(file.lastIndexOf('/') + 1)));
    return { ...answer, pairFiles: answer.pairs === 0 ? '' : join(pairs, '*.parquet') };
  };

async function clear(vault: ObjectStore, entity: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of vault.list(`${MATCH_PREFIX}${entity}/`)) keys.push(key);
  await inParallel(COPIES_AT_ONCE, keys, (key) => vault.remove(key));
}
