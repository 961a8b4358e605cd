import type { ColumnType, FileFormat } from '../contract/dataset.ts';
import type { TableName } from '../ports/catalog.ts';
import type { DataFile, PartitionValue } from '../table/data-file.ts';
import type { Field } from '../table/schema.ts';

/** Grows with every field that engines or the pipeline require of a plan or its result. */
export const PLAN_VERSION = 2;

/**
 * The whole work of a run as plain data, stored before anything acts. Statements name these relations:
 * `records` (text columns of every parsed record, `_file`), `staged` (result of `stage`, with `_row`, the number of the record in
 * its file from 1, and `_id`, unique in the batch and in the order of files and rows), `rejects` (records that could not be split: `_file`, `_row`, `code`, `byte_start`, `byte_end`), `files` (`_file`, `file_id`), `target`
 * (rows of the table that stay unless the run replaces them, with `_path` and `_position`), `target_quarantine`, `target_raw` and `target_earlier` (the same of the
 * side tables, where the run withdraws files), each of these with `_withdrawn` behind its name (the rows of withdrawn files), `withdrawn_paths` (`output`, `path`, `rows`: how many rows of withdrawn files each file of a table holds), `target_files`
 * (`path`, `p0`…, `newest`; without withdrawn ones), `vault_known`, `published` (`staged` rows that passed and are not in `excluded`) and the steps before.
 */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly runId: string;
  readonly dataset: string;
  readonly contractVersion: string;
  /** Fingerprint of the contract that the files were judged by. */
  readonly judgedBy: string;
  readonly engine: 'duckdb' | 'spark';
  readonly inputs: readonly PlanInput[];
  readonly target?: PlanTarget;
  /** Files whose rows leave the tables in the commits of this run: they are replayed, or another file takes their place. */
  readonly withdraws: readonly string[];
  /** Files of the other tables that hold rows of withdrawn files: relations `target_quarantine`, `target_raw`, `target_earlier`. */
  readonly sides: Readonly<Partial<Record<SideOutput, PlanTarget>>>;
  /** `target` has the rows of withdrawn files too: the steps take them out, by `withdrawn_ids` (`file_id`). */
  readonly keepsWithdrawn?: true;
  /** Files of the vault table: relation `vault_known`. */
  readonly vaultFiles: readonly string[];
  /** Select over `records` in DuckDB's SQL on every engine: see `stageStatement`. */
  readonly stage: string;
  /** Temporary tables, made in this order. */
  readonly steps: readonly PlanStep[];
  readonly outputs: readonly PlanOutput[];
  readonly measures: readonly PlanMeasure[];
  /** Select of (`winner`, `loser`), file ids: a row of `loser` is not in the table because of a row of `winner`. */
  readonly losses?: string;
  readonly checks: readonly PlanCheck[];
  /** Wider types that values of a file may give a column, narrowest first. */
  readonly widenable?: Readonly<Record<string, readonly ColumnType[]>>;
  /** Secrets that the engine binds as variables; their values never stand in a plan. */
  readonly secrets: readonly string[];
}

/** One file of the batch. Its position in `Plan.inputs` is `_file`: the order of business date, time received and file id. */
export interface PlanInput {
  readonly fileId: string;
  /** Where the bytes are, in the raw store. */
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
  /** Records that intake counted. */
  readonly records: number;
  readonly format: FileFormat;
  /** For each field of the file in order: the column that it feeds, or null where the contract ignores it. */
  readonly fields: readonly (string | null)[];
  /** The engine's parser can't take the bytes as they stand: `lib/formats` rewrites them first. */
  readonly rewrite: boolean;
  /** What intake learnt about the bytes, for `lib/formats`. */
  readonly profile: unknown;
}

export interface PlanTarget {
  readonly table: TableName;
  readonly snapshot: string | null;
  /** Columns by name in the order of the schema, to read files of any age by field id. */
  readonly schema: readonly Field[];
  readonly files: readonly TargetFile[];
}

export interface TargetFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly partition: readonly PartitionValue[];
  /** Least and greatest `_source_file` in it. */
  readonly oldest: string;
  readonly newest: string;
}

export interface PlanStep {
  readonly name: string;
  readonly purpose: string;
  readonly sql: string;
  /** Later statements name it often: an engine that would put its statement in their place stores its rows first. */
  readonly stored?: true;
}

export type OutputName = SideOutput | 'vault' | 'curated';
/** Outputs whose rows of a file leave with it, earlier rows excepted, which are marked; the vault keeps what it knows. */
export const SIDE_OUTPUTS = ['quarantine', 'raw', 'earlier'] as const;
export type SideOutput = (typeof SIDE_OUTPUTS)[number];

export interface PlanOutput {
  readonly name: OutputName;
  readonly table: TableName;
  /** Folder of this run's files, below the root of its store. */
  readonly prefix: string;
  readonly store: 'lake' | 'vault';
  readonly schema: readonly Field[];
  readonly partitionBy: readonly {
    readonly name: string;
    readonly column: string;
    readonly transform: string;
    readonly expression: string;
  }[];
  readonly sql: string;
  /** Select of one column `path`: files of the table that this output replaces. */
  readonly removes?: string;
  /** Columns whose bounds are not written. */
  readonly classified: readonly string[];
}

/** Select of (`_file`, `name`, `value`): numbers per file. Batch measures have `_file` null. */
export interface PlanMeasure {
  readonly name: string;
  readonly sql: string;
  /** The same as data, where it counts rows of one relation: an engine may count several in one pass. `by` is a column beside `_file`. */
  readonly counts?: {
    readonly of: string;
    readonly where?: string;
    readonly by?: 'number' | 'code';
  };
}

export interface PlanCheck {
  readonly key: string;
  readonly code: string;
  readonly column?: string;
  readonly rule?: string;
  readonly action: 'warn' | 'quarantine' | 'rejectFile' | 'hold';
}

/** What an engine answers; stored before Publish, so that a run that dies is resumed and not executed again. */
export interface RunResult {
  readonly runId: string;
  readonly engine: string;
  readonly tallies: readonly FileTally[];
  readonly outputs: readonly OutputResult[];
  /** By file: the files that have rows which lost to one of its rows. */
  readonly losses: Readonly<Record<string, readonly string[]>>;
  /** Number of each batch check, by its key; null where its query gave none. */
  readonly batch: Readonly<Record<string, number | null>>;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface FileTally {
  readonly fileId: string;
  /** Records that the engine parsed plus those it could not split. */
  readonly parsed: number;
  readonly published: number;
  readonly quarantined: number;
  readonly deduplicated: number;
  /** Records that fail no check, warnings included. Deduplicated ones count. */
  readonly clean: number;
  /** Failing rows by check key, warnings included. */
  readonly checks: Readonly<Record<string, number>>;
  /** By column of `Plan.widenable`: place in its list, from 1, of the first type that holds all values which its own does not. */
  readonly wider?: Readonly<Record<string, number>>;
  /** Sum of the control column, as decimal text, where the format has a trailer with one. */
  readonly controlSum?: string;
}

export interface OutputResult {
  readonly name: OutputName;
  readonly files: readonly DataFile[];
  readonly removes: readonly string[];
  /** Rows of removed files that were written again unchanged. */
  readonly kept: number;
  /** Rows of removed files that are gone: withdrawn, or replaced by rows of the batch. */
  readonly lost: number;
  /** Rows that no row of the batch or of removed files is: versions of a history that a late row brings back. */
  readonly derived: number;
}

/** Whether a statement looks into the table's files, or rows of withdrawn files are sought there; an append without keys never does. */
export const readsTarget = ({ steps, outputs, measures, withdraws, losses }: Plan): boolean =>
  withdraws.length > 0 ||
  [...steps, ...outputs, ...measures].some(({ sql }) => /\btarget\b/.test(sql)) ||
  /\btarget\b/.test(losses ?? '');
