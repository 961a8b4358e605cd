import { TerminalError } from '../errors.ts';
import type { TableName } from '../ports/catalog.ts';
import { type Commit, commit } from './commit.ts';
import type { DataFile, PartitionValue } from './data-file.ts';
import type { LiveFile } from './manifests.ts';
import type { Field } from './schema.ts';
import { snapshotOfRun } from './snapshots.ts';
import { liveFiles, loadTable, shapeOf, snapshotText, type TablePorts, tableFolder } from './table.ts';

/** Iceberg's writers aim at 512 MB; Athena reads best between 128 MB and 1 GB (Athena performance guide), and smaller files cost less to merge into. */
export const TARGET_BYTES = 128 * 1024 ** 2;
/** A file of this share of the target is left alone. */
const LARGE_ENOUGH = 0.75;
/** Fewer files are not worth writing their rows again (the default of Iceberg's rewrite_data_files). */
const FEWEST_FILES = 5;

/** Files of one partition that become one file. */
export interface CompactionGroup {
  readonly partition: readonly PartitionValue[];
  readonly files: readonly LiveFile[];
}

/** Work for whoever can rewrite files; the answer is what was written, without partition values. */
export interface Rewrite {
  /** Folder of the new files, below the root of the table's store; nobody else writes there. */
  readonly prefix: string;
  readonly paths: readonly string[];
  /** The table's columns: files of any age are read by its field ids, and written with them. */
  readonly schema: readonly Field[];
}

export interface CompactionOrder {
  readonly runId: string;
  readonly rewrite: (work: Rewrite) => Promise<readonly DataFile[]>;
  /** @default TARGET_BYTES */
  readonly targetBytes?: number;
}

export interface Compaction {
  /** `nothing`: no partition holds enough small files. */
  readonly status: Commit['status'] | 'nothing';
  readonly snapshot: string | null;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly rows: number;
}

/**
 * Rewrites small files into larger ones and merges the manifests: the same rows (asserted by the commit) in other files, as an Iceberg
 * `replace`. Appends that land meanwhile are kept. Dies harmlessly anywhere: what was written is not in the table until the commit, and `expire`
 * removes it.
 * @throws ConflictError when a run has replaced one of the files meanwhile: do it again
 */
export async function compact(
  ports: TablePorts,
  name: TableName,
  { runId, rewrite, targetBytes = TARGET_BYTES }: CompactionOrder,
): Promise<Compaction> {
  const table = await loadTable(ports, name);
  if (table === undefined)
    throw new TerminalError(`there is no table ${tableFolder(name)}`, { fault: 'headgate' });
  const done = snapshotOfRun(table, runId);
  const groups = done === undefined ? compactionGroups(await liveFiles(ports.store, table), targetBytes) : [];
  const counts = { filesBefore: 0, filesAfter: 0, rows: 0 };
  if (groups.length === 0) {
    return done === undefined
      ? { ...counts, status: 'nothing', snapshot: snapshotText(table) }
      : { ...counts, status: 'already', snapshot: String(done['snapshot-id']) };
  }
  const { schema } = shapeOf(table.metadata);
  const add: DataFile[] = [];
  for (const [index, { partition, files }] of groups.entries()) {
    const prefix = `${tableFolder(name)}/data/${runId}/${index}`;
    const written = await rewrite({ prefix, paths: files.map(({ path }) => path), schema });
    requireSameRows(files, written, runId);
    add.push(...written.map((file) => ({ ...file, partition })));
  }
  const remove = groups.flatMap(({ files }) => files.map(({ path }) => path));
  const rows = add.reduce((sum, file) => sum + file.rows, 0);
  const change = { runId, add, remove, kept: rows, operation: 'replace', onto: 'retry' } as const;
  return {
    ...(await commit(ports, name, change)),
    filesBefore: remove.length,
    filesAfter: add.length,
    rows,
  };
}

function requireSameRows(files: readonly LiveFile[], written: readonly DataFile[], runId: string): void {
  const sum = (list: readonly { readonly rows: number }[]) =>
    list.reduce((total, { rows }) => total + rows, 0);
  if (sum(files) === sum(written)) return;
  throw new TerminalError(
    `compaction ${runId} read ${sum(files)} rows and wrote ${sum(written)}; nothing was changed`,
    { fault: 'headgate' },
  );
}

/**
 * What is rewritten together, by partition. Left alone: files of at least three quarters of the target, and what is neither five files
 * nor fills the target. Largest first into the first bin with room (first-fit decreasing): a bin never exceeds the target.
 */
export function compactionGroups(
  files: readonly LiveFile[],
  targetBytes: number,
): readonly CompactionGroup[] {
  const small = files.filter(({ bytes }) => bytes < targetBytes * LARGE_ENOUGH);
  const partitions = Map.groupBy(small, ({ partition }) => JSON.stringify(partition));
  return [...partitions.values()].flatMap((together) =>
    bins(together, targetBytes)
      .filter(({ files: list, bytes }) => list.length >= FEWEST_FILES || isFull(list, bytes, targetBytes))
      .map(({ files: list }) => ({ partition: list[0]?.partition ?? [], files: list })),
  );
}

const isFull = (files: readonly LiveFile[], bytes: number, targetBytes: number): boolean =>
  files.length > 1 && bytes >= targetBytes * LARGE_ENOUGH;

interface Bin {
  readonly files: LiveFile[];
  bytes: number;
}

function bins(files: readonly LiveFile[], capacity: number): readonly Bin[] {
  const open: Bin[] = [];
  for (const file of [...files].sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))) {
    const fitting = open.find(({ bytes }) => bytes + file.bytes <= capacity);
    if (fitting === undefined) open.push({ files: [file], bytes: file.bytes });
    else {
      fitting.files.push(file);
      fitting.bytes += file.bytes;
    }
  }
  return open;
}
