import type { Field } from '../table/schema.ts';
import { duckDb } from './dialects/duckdb.ts';
import { copyStatement, fileOf, type StatsRow } from './parquet-copy.ts';
import {
  collectRejects,
  groups,
  hasTrailer,
  type ReadableInput,
  records,
  shifted,
  sideTables,
  stagedColumns,
} from './parsing.ts';
import type { OutputName, Plan, RunResult } from './plan.ts';
import type { Prepared } from './prepare.ts';
import { fileTallies, type Loss, lossesByWinner, type MeasuredRow, withRemovals } from './tallies.ts';

export const JOB_VERSION = 1;

/** What `glue-scripts/run_plan.py` executes: the plan, with DuckDB's work on the executors spelt out as statements. No secrets, no row values. */
export interface SparkJob {
  readonly version: typeof JOB_VERSION;
  readonly runId: string;
  /** Address of a folder for what the run writes on the way. */
  readonly scratch: string;
  /** Address of the answer; written once, by the attempt that is first. */
  readonly answer: string;
  /** The engine refuses another version of DuckDB than the one that judged the plan's statements. */
  readonly duckdb: string;
  readonly bytes: number;
  readonly files: readonly {
    readonly file: number;
    readonly fileId: string;
    readonly lastRow: number | null;
  }[];
  readonly tasks: readonly StageTask[];
  readonly steps: Plan['steps'];
  /** Tables as they stand, by the relation that their rows are. */
  readonly tables: readonly JobTable[];
  /** Columns of the relation `target_files`, and its rows; null while there is no table. */
  readonly targetFiles: {
    readonly names: readonly string[];
    readonly rows: readonly (readonly (string | null)[])[];
  } | null;
  /** File ids whose rows leave the tables. */
  readonly withdraws: readonly string[];
  /** The relation `target` has their rows all the same. */
  readonly keepsWithdrawn: boolean;
  readonly losses?: string;
  readonly vaultFiles: readonly string[];
  readonly outputs: readonly JobOutput[];
  readonly measures: Plan['measures'];
  readonly secrets: Plan['secrets'];
}

/** Files that one executor parses together. In statements `MARKS` stand for what only the executor knows. */
export interface StageTask {
  readonly files: readonly { readonly file: number; readonly path: string; readonly etag: string }[];
  /** From bytes to typed rows in a Parquet file at `MARKS.out`, and to the table `rejects`. */
  readonly statements: readonly string[];
  /** Takes the rows on by the records that were rejected before them; only where there are any. */
  readonly shift: string;
  /** A single file that may be cut at line ends, when it has exactly this many of them: then no field goes over lines. */
  readonly split?: {
    readonly bytes: number;
    readonly lines: number;
    readonly pieceBytes: number;
    readonly rest: readonly string[];
  };
}

export interface JobTable {
  readonly output: OutputName;
  readonly relation: string;
  readonly paths: readonly string[];
  /** Files of any age are read by field id. */
  readonly schema: readonly Field[];
}

const tablesOf = ({ target, sides }: Plan): readonly JobTable[] =>
  (
    [
      ['curated', 'target', target],
      ['quarantine', 'target_quarantine', sides.quarantine],
      ['raw', 'target_raw', sides.raw],
      ['earlier', 'target_earlier', sides.earlier],
    ] as const
  ).flatMap(([output, relation, table]) =>
    table === undefined || table.files.length === 0
      ? []
      : [{ output, relation, paths: table.files.map(({ path }) => path), schema: table.schema }],
  );

interface JobOutput {
  readonly name: OutputName;
  readonly sql: string;
  readonly removes?: string;
  /** Columns and expressions, in Spark's SQL, that bring the rows of a partition together. */
  readonly partitionBy: readonly string[];
  /** DuckDB's statement over the relation `rows`, to `MARKS.out`. */
  readonly copy: string;
  /** Address of the folder below which each attempt has its own. */
  readonly folder: string;
}

export const MARKS = {
  out: '@headgate:out@',
  shifted: '@headgate:shifted@',
  part: '@headgate:part@',
  path: (file: number): string => `@headgate:path:${file}@`,
} as const;

/** What `run_plan.py` answers. */
export interface SparkAnswer {
  readonly runId: string;
  readonly outputs: readonly {
    readonly name: OutputName;
    readonly files: readonly StatsRow[];
    readonly removes: readonly string[];
  }[];
  readonly measures: readonly MeasuredRow[];
  readonly losses: readonly Loss[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface JobPlaces {
  readonly scratch: string;
  readonly answer: string;
  readonly roots: Readonly<Record<'lake' | 'vault', string>>;
  readonly duckdb: string;
  /** Bytes of a piece of a file that is split, and of small files that one task takes together. */
  readonly taskBytes: number;
}

/** What Spark parses with: the version that glue-scripts/requirements.txt and package-lock.json pin, which a test compares. */
export const DUCKDB_VERSION = '1.5.6';

export const TASK_BYTES = 128 * 1024 ** 2;
/** Files of one task: each is opened, and named in a statement. */
const TASK_FILES = 500;

export function sparkJob(plan: Plan, prepared: Prepared, places: JobPlaces): SparkJob {
  const { target } = plan;
  const partitions = plan.outputs.find(({ name }) => name === 'curated')?.partitionBy.length ?? 0;
  return {
    version: JOB_VERSION,
    runId: plan.runId,
    scratch: places.scratch,
    answer: places.answer,
    duckdb: places.duckdb,
    bytes:
      plan.inputs.reduce((sum, { bytes }) => sum + bytes, 0) +
      (target?.files ?? []).reduce((sum, { bytes }) => sum + bytes, 0),
    files: plan.inputs.map((input, file) => ({
      file,
      fileId: input.fileId,
      lastRow: hasTrailer(input) ? input.records : null,
    })),
    tasks: packed(prepared.inputs, places.taskBytes).map((group) =>
      stageTask(plan, prepared, group, places.taskBytes),
    ),
    steps: plan.steps,
    tables: tablesOf(plan),
    targetFiles:
      target === undefined
        ? null
        : {
            names: ['path', ...Array.from({ length: partitions }, (_, index) => `p${index}`), 'newest'],
            rows: target.files.map(({ path, partition, newest }) => [path, ...partition, newest]),
          },
    withdraws: plan.withdraws,
    keepsWithdrawn: plan.keepsWithdrawn === true,
    ...(plan.losses === undefined ? {} : { losses: plan.losses }),
    vaultFiles: plan.vaultFiles,
    outputs: plan.outputs.map((output) => ({
      name: output.name,
      sql: output.sql,
      ...(output.removes === undefined ? {} : { removes: output.removes }),
      partitionBy: output.partitionBy.map(({ expression }) => expression),
      copy: copyStatement(
        { query: 'rows', schema: output.schema, partitionBy: output.partitionBy },
        MARKS.out,
      ),
      folder: `${places.roots[output.store]}/${output.prefix}`,
    })),
    measures: plan.measures,
    secrets: plan.secrets,
  };
}

/** Files of one shape, up to a number of bytes and files. */
function packed(inputs: readonly ReadableInput[], taskBytes: number): readonly (readonly ReadableInput[])[] {
  return groups(inputs).flatMap((group) => {
    const tasks: ReadableInput[][] = [];
    let room = 0;
    for (const each of group) {
      const { bytes } = each.input;
      const last = tasks.at(-1);
      if (last === undefined || bytes > room || last.length >= TASK_FILES) {
        tasks.push([each]);
        room = taskBytes - bytes;
      } else {
        last.push(each);
        room -= bytes;
      }
    }
    return tasks;
  });
}

function stageTask(
  plan: Plan,
  prepared: Prepared,
  group: readonly ReadableInput[],
  taskBytes: number,
): StageTask {
  const marked = group.map((each) => ({ ...each, path: MARKS.path(each.file) }));
  const [only] = marked;
  const split = only !== undefined && marked.length === 1 ? splitOf(plan, only, taskBytes) : undefined;
  return {
    files: group.map(({ file, path, input }) => ({ file, path, etag: input.rewrite ? '' : input.etag })),
    statements: statements(plan, prepared, marked),
    shift: shiftStatement,
    ...(split === undefined ? {} : { split }),
  };
}

function statements(
  plan: Plan,
  { rejects }: Pick<Prepared, 'rejects'>,
  group: readonly ReadableInput[],
): readonly string[] {
  const files = new Set(group.map(({ file }) => file));
  const known = rejects.filter(({ file }) => files.has(file));
  const staged = `WITH records AS (${records(group, stagedColumns(plan), REJECTS)}) ${plan.stage}`;
  const collect = collectRejects(group, REJECTS);
  return [
    ...sideTables(plan.inputs, group, known),
    copyStage(
      `SELECT *, row_number() OVER () AS _n, CAST(${MARKS.part} AS INTEGER) AS _part FROM (${staged}) AS s`,
      MARKS.out,
    ),
    ...(collect === undefined ? [] : [collect]),
  ];
}

const REJECTS = 'rejected_by_parser';

/** Version 1 encodings: Spark 3.5 can't read those that version 2 uses for floating columns. */
const copyStage = (select: string, target: string): string =>
  `COPY (${select}) TO ${duckDb.literal(target)} (FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION V1, DICTIONARY_SIZE_LIMIT 1)`;

const stagedRows = `read_parquet(${duckDb.literal(MARKS.out)}, hive_partitioning = false)`;
const shiftStatement = copyStage(
  `SELECT * EXCLUDE (_row), _row AS _n FROM (${shifted(
    `SELECT s.* EXCLUDE (_n), s._n - spans.first + 1 AS _row FROM ${stagedRows} AS s JOIN (SELECT _file AS f, min(_n) AS first FROM ${stagedRows} GROUP BY _file) AS spans ON spans.f = s._file`,
  )}) AS moved`,
  MARKS.shifted,
);

/** Bytes can be cut where every record is one line: uncompressed CSV whose lines number its records, as `run_plan.py` finds out. */
function splitOf(plan: Plan, only: ReadableInput, taskBytes: number): StageTask['split'] {
  const { input, reader } = only;
  if (reader.kind !== 'csv' || reader.compression !== 'none' || input.rewrite || hasTrailer(input))
    return undefined;
  if (input.bytes <= taskBytes) return undefined;
  const rest = { ...only, reader: { ...reader, csv: { ...reader.csv, header: false, skipLines: 0 } } };
  return {
    bytes: input.bytes,
    lines: input.records + (reader.csv.header ? 1 : 0) + reader.csv.skipLines,
    pieceBytes: taskBytes,
    rest: statements(plan, { rejects: [] }, [rest]),
  };
}

export function sparkResult(plan: Plan, { outputs, measures, losses, seconds }: SparkAnswer): RunResult {
  const written = plan.outputs.flatMap((output) => {
    const answer = outputs.find(({ name }) => name === output.name);
    return answer === undefined
      ? []
      : [
          {
            name: output.name,
            files: answer.files.map((row) => fileOf(row, output)),
            removes: answer.removes,
            kept: 0,
            lost: 0,
            derived: 0,
          },
        ];
  });
  return {
    runId: plan.runId,
    engine: 'spark',
    outputs: withRemovals(written, measures),
    losses: lossesByWinner(losses),
    seconds,
    ...fileTallies(plan, measures),
  };
}
