import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TerminalError } from '../../errors.ts';
import { normalise, type RejectedRecord } from '../../formats/normalise.ts';
import type { FileProfile } from '../../formats/profile.ts';
import { randomAccess } from '../../intake/judge.ts';
import { duckDb } from '../../plan/dialects/duckdb.ts';
import {
  type OutputResult,
  PLAN_VERSION,
  type Plan,
  type PlanInput,
  type PlanOutput,
  type PlanTarget,
  type RunResult,
} from '../../plan/plan.ts';
import { fileTallies, type MeasuredRow } from '../../plan/tallies.ts';
import type { Engine } from '../../ports/engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Secrets } from '../../ports/secrets.ts';
import { hmacPads } from '../../privacy/pads.ts';
import { type Session, type SessionOptions, withDuckDb } from './duckdb-session.ts';
import { type ReadableInput, type Reject, stage } from './duckdb-stage.ts';
import { byFieldId, writeParquet } from './parquet-output.ts';

const { ident, literal } = duckDb;

export interface DuckDbEngineOptions extends Omit<SessionOptions, 'scratch'> {
  readonly raw: ObjectStore;
  readonly stores: { readonly lake: ObjectStore; readonly vault: ObjectStore };
  readonly secrets: Secrets;
  /** Folder under which each dataset has a folder of its own while a run of it executes. */
  readonly scratch: string;
}

/** Executes plans in this process. Reads and writes local paths: the roots of the stores are folders. */
export const duckDbEngine = (options: DuckDbEngineOptions): Engine => ({
  name: 'duckdb',
  async execute(plan) {
    if (plan.version !== PLAN_VERSION) {
      throw new TerminalError(
        `plan ${plan.runId} has version ${plan.version}; this engine executes version ${PLAN_VERSION}`,
        {
          fault: 'headgate',
        },
      );
    }
    // The dataset's lock is held: what else stands in its folder was left by runs that died, personal data in clear with it.
    const scratch = join(options.scratch, plan.dataset);
    return withDuckDb({ ...options, scratch }, (db) => executePlan(db, plan, { ...options, scratch }));
  },
});

async function executePlan(db: Session, plan: Plan, options: DuckDbEngineOptions): Promise<RunResult> {
  const seconds: Record<string, number> = {};
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    seconds[name] = Math.round(performance.now() - start) / 1000;
    return result;
  };
  await bindSecrets(db, plan, options.secrets);
  const { inputs, rejects } = await timed('prepare', () => prepare(plan.inputs, options));
  await timed('stage', () => stage(db, plan, inputs, { scratch: options.scratch, known: rejects }));
  const outputs: OutputResult[] = [];
  const own = [...(plan.target?.files.map(({ path }) => path) ?? []), ...plan.vaultFiles];
  const rows = await db.blaming(own, async () => {
    await timed('steps', () => takeSteps(db, plan));
    await db.run('SET preserve_insertion_order = false');
    for (const output of plan.outputs) {
      outputs.push(await timed(`write ${output.name}`, () => write(db, output, options)));
    }
    return timed('measure', () => measure(db, plan));
  });
  return {
    runId: plan.runId,
    engine: 'duckdb',
    outputs: withRemovals(outputs, rows),
    losses: await timed('losses', () => losses(db, plan)),
    seconds,
    ...fileTallies(plan, rows),
  };
}

/** The padded keys are bound as variables: they stand in no statement and no plan. */
async function bindSecrets(db: Session, plan: Plan, secrets: Secrets): Promise<void> {
  for (const name of plan.secrets) {
    const { inner, outer } = hmacPads(await secrets.read(name));
    await db.run(`SET VARIABLE ${name}_inner = unhex(${literal(inner)})`);
    await db.run(`SET VARIABLE ${name}_outer = unhex(${literal(outer)})`);
  }
}

interface Prepared {
  readonly inputs: readonly ReadableInput[];
  readonly rejects: readonly Reject[];
}

/** What reading a file needs: where its bytes are, and a folder for those that are rewritten first. */
export type ReadOptions = Pick<DuckDbEngineOptions, 'raw' | 'scratch'>;

/** Every file in a form that the parser takes. */
export async function prepare(inputs: readonly PlanInput[], options: ReadOptions): Promise<Prepared> {
  const rejects: Reject[] = [];
  const readable: ReadableInput[] = [];
  for (const [file, input] of inputs.entries()) {
    readable.push(
      input.rewrite ? await rewritten(input, file, options, rejects) : inPlace(input, file, options),
    );
  }
  return { inputs: readable, rejects };
}

const inPlace = (input: PlanInput, file: number, { raw }: ReadOptions): ReadableInput => ({
  input,
  file,
  path: join(raw.root, input.key),
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

async function rewritten(
  input: PlanInput,
  file: number,
  options: ReadOptions,
  rejects: Reject[],
): Promise<ReadableInput> {
  const folder = join(options.scratch, 'rewritten');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${file}.csv`);
  const body = options.raw.read(input.key, { etag: input.etag });
  const isPlain = (input.profile as FileProfile).compression === 'none';
  const onReject = ({ record, code, start, end }: RejectedRecord) =>
    rejects.push({ file, record, code, start: isPlain ? start : null, end: isPlain ? end : null });
  const random = randomAccess(options.raw, input);
  const canonical = normalise(body, input.format, input.profile as FileProfile, { onReject, random });
  await pipeline(Readable.from(canonical), createWriteStream(path, { mode: 0o600 }));
  const read = { kind: 'csv', compression: 'none' } as const;
  if (input.format.kind === 'csv') {
    const csv = { ...readerOf(input.format), skipLines: 0 };
    return { input, file, path, reader: { ...read, csv, nothingIsNull: false }, inPlace: false };
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

async function takeSteps(db: Session, plan: Plan): Promise<void> {
  await makeTargets(db, plan);
  await db.run(
    plan.vaultFiles.length === 0
      ? 'CREATE VIEW vault_known AS SELECT CAST(NULL AS VARCHAR) AS token WHERE FALSE'
      : `CREATE VIEW vault_known AS SELECT token FROM read_parquet([${plan.vaultFiles.map(literal).join(', ')}], hive_partitioning = false)`,
  );
  for (const step of plan.steps) await db.run(`CREATE TABLE ${step.name} AS ${step.sql}`);
  await db.run(
    'CREATE VIEW published AS SELECT * FROM staged AS s WHERE s._ok AND s._id NOT IN (SELECT _id FROM excluded)',
  );
}

/** Whether a statement looks into the table's files, or rows of withdrawn files are sought there; an append without keys never does. */
export const readsTarget = ({ steps, outputs, measures, withdraws, losses }: Plan): boolean =>
  withdraws.length > 0 ||
  [...steps, ...outputs, ...measures].some(({ sql }) => /\btarget\b/.test(sql)) ||
  /\btarget\b/.test(losses ?? '');

/** The tables as they stand, without the rows of withdrawn files. */
async function makeTargets(db: Session, plan: Plan): Promise<void> {
  const { target, sides, withdraws, outputs } = plan;
  await db.run(
    `CREATE TABLE withdrawn_ids AS ${values(
      ['file_id'],
      withdraws.map((id) => [id]),
    )}`,
  );
  await db.run('CREATE TABLE withdrawn_paths (output VARCHAR, path VARCHAR, rows BIGINT)');
  const withdrawn = 'IN (SELECT file_id FROM withdrawn_ids)';
  for (const [output, view, table] of [
    ['curated', 'target', target],
    ['quarantine', 'target_quarantine', sides.quarantine],
    ['raw', 'target_raw', sides.raw],
  ] as const) {
    if (table === undefined || table.files.length === 0) continue;
    if (output === 'curated' && !readsTarget(plan)) continue;
    const rows = targetRows(table);
    await db.run(
      `CREATE VIEW ${view} AS ${withdraws.length === 0 ? rows : `SELECT * FROM (${rows}) AS t WHERE _source_file NOT ${withdrawn}`}`,
    );
    if (withdraws.length > 0)
      await db.run(
        `INSERT INTO withdrawn_paths SELECT ${literal(output)}, _path, count(*) FROM (${rows}) AS t WHERE _source_file ${withdrawn} GROUP BY _path`,
      );
  }
  if (target === undefined) return;
  const partitions = outputs.find(({ name }) => name === 'curated')?.partitionBy.length ?? 0;
  const names = ['path', ...Array.from({ length: partitions }, (_, index) => `p${index}`), 'newest'];
  const files = values(
    names,
    target.files.map(({ path, partition, newest }) => [path, ...partition, newest]),
  );
  await db.run(
    `CREATE TABLE target_files AS SELECT * FROM (${files}) AS t WHERE path NOT IN (SELECT path FROM withdrawn_paths)`,
  );
}

/** Select of rows of texts. */
function values(names: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  if (rows.length === 0)
    return `SELECT ${names.map((name) => `CAST(NULL AS VARCHAR) AS ${name}`).join(', ')} WHERE FALSE`;
  const texts = rows.map(
    (row) => `(${row.map((text) => (text === null ? 'CAST(NULL AS VARCHAR)' : literal(text))).join(', ')})`,
  );
  return `SELECT * FROM (VALUES ${texts.join(', ')}) AS v(${names.join(', ')})`;
}

/** By position: a column of the contract may be called `filename`. */
function targetRows({ files, schema }: PlanTarget): string {
  const columns = schema.map(({ name }, index) => `t.c${index} AS ${ident(name)}`).join(', ');
  const places = schema.map((_, index) => `c${index}`).join(', ');
  const paths = files.map(({ path }) => literal(path)).join(', ');
  return `SELECT ${columns}, t.filename AS _path, t.file_row_number AS _position FROM read_parquet([${paths}], ${byFieldId(schema)}) AS t(${places})`;
}

async function write(
  db: Session,
  output: PlanOutput,
  { stores }: DuckDbEngineOptions,
): Promise<OutputResult> {
  const files = await writeParquet(db.connection, {
    query: output.sql,
    schema: output.schema,
    partitionBy: output.partitionBy,
    directory: join(stores[output.store].root, output.prefix),
    classified: output.classified,
  });
  const removes = output.removes === undefined ? [] : await db.rows<{ path: string }>(output.removes);
  return { name: output.name, files, removes: removes.map(({ path }) => path), kept: 0, lost: 0 };
}

async function measure(db: Session, plan: Plan): Promise<readonly MeasuredRow[]> {
  const rows: MeasuredRow[] = [];
  for (const { name, sql } of plan.measures) {
    for (const row of await db.rows<Omit<MeasuredRow, 'name'>>(sql)) rows.push({ name, ...row });
  }
  return rows;
}

async function losses(db: Session, plan: Plan): Promise<RunResult['losses']> {
  if (plan.losses === undefined) return {};
  const rows = await db.rows<{ winner: string; loser: string }>(plan.losses);
  const byWinner = Map.groupBy(rows, ({ winner }) => winner);
  return Object.fromEntries([...byWinner].map(([winner, lost]) => [winner, lost.map(({ loser }) => loser)]));
}

/** How many rows of removed files each output wrote again, and how many are gone. */
function withRemovals(
  outputs: readonly OutputResult[],
  rows: readonly MeasuredRow[],
): readonly OutputResult[] {
  const sum = (measure: string) =>
    rows.filter(({ name }) => name === measure).reduce((total, { value }) => total + Number(value), 0);
  return outputs.map((output) => ({
    ...output,
    kept: sum(`kept:${output.name}`),
    lost: sum(`lost:${output.name}`),
  }));
}
