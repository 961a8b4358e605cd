import { watch } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Command } from 'commander';
import { folderStore, type Stranger, strangersIn } from '../../lib/adapters/local/folder-store.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { TerminalError } from '../../lib/errors.ts';
import { fixedRoute, isUnfinished, router } from '../../lib/intake/route.ts';
import type { LandingPlace } from '../../lib/intake/take-in.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { type WorkReport, work } from '../../lib/pipeline/work.ts';
import { EXIT } from '../exit-codes.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

interface RunOptions {
  readonly landing?: string;
  readonly dataset?: string;
  readonly engine?: string;
  readonly json?: boolean;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('take in what has landed and work until nothing is pending')
    .option('--landing <dir>', 'another folder than the lake’s own; it is read, never changed')
    .option('--dataset <name>', 'all files of the folder belong to this dataset, whatever their names')
    .option('--engine <name>', 'duckdb or spark, whatever the contracts say; auto: as they say')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate run --landing ../exports/retail --dataset retail/sales')
    .action(async (options: RunOptions, command: Command) => {
      const lake = lakeOf(command, options.engine);
      const files = await takeIn(lake, options);
      process.exitCode = files.exitCode;
      printFiles(files.entries, options.json, 'nothing has landed');
      printProblems(files);
    });
  program
    .command('up')
    .description('watch the landing folder and take in what lands, until interrupted')
    .addHelpText('after', '\nExample:\n  headgate up')
    .action(async (_options: unknown, command: Command) => watchLanding(lakeOf(command)));
}

export interface TakenIn {
  readonly entries: readonly FileEntry[];
  readonly report: WorkReport;
  /** What lies in the folder and is no file. */
  readonly strangers: readonly Stranger[];
  readonly exitCode: number;
}

export async function takeIn(lake: Lake, options: Pick<RunOptions, 'landing' | 'dataset'>): Promise<TakenIn> {
  if (options.dataset !== undefined && options.landing === undefined) {
    throw new TerminalError(
      '--dataset needs --landing: in the lake’s own landing folder the key says which dataset a file is of',
      { fault: 'source' },
    );
  }
  const place = await placeOf(lake, options);
  const landing = place.own ? lake.landing : folderStore(place.bucket, { shared: true });
  const ports = { landing, raw: lake.stores.raw, ledger: lake.ledger, notifier: lake.notifier };
  const report = await work(
    { services: lake, ports, start: (dataset) => runStateMachine(lake, dataset) },
    place,
  );
  const entries = await Promise.all(
    report.files.map(async ({ file }) => (await fileOf(lake.ledger, file.dataset, file.fileId)) ?? file),
  );
  const strangers: Stranger[] = [];
  for await (const stranger of strangersIn(landing.root)) strangers.push(stranger);
  return { entries, report, strangers, exitCode: exitCodeOf(entries, report, strangers) };
}

async function placeOf(
  lake: Lake,
  { landing, dataset }: Pick<RunOptions, 'landing' | 'dataset'>,
): Promise<LandingPlace> {
  return {
    bucket: landing === undefined ? 'landing' : await foreignFolder(lake, landing),
    own: landing === undefined,
    route: dataset === undefined ? router(lake.datasets) : fixedRoute(datasetOf(lake, dataset)),
  };
}

/** The folder's path without links, so that a file has one name however the folder is reached. */
async function foreignFolder(lake: Lake, landing: string): Promise<string> {
  const folder = await realpath(landing).catch((cause: unknown) => {
    throw new TerminalError(`--landing ${landing}: there is no such folder`, { fault: 'source', cause });
  });
  const own = join(await realpath(lake.home), relative(lake.home, lake.landing.root));
  const inside = isWithin(own, folder) && !isUnfinished(relative(folder, own));
  if (isWithin(folder, own) || inside) {
    throw new TerminalError(
      `--landing ${landing}: it is, holds or lies in the lake’s own landing folder ${own}; leave --landing out to take in what landed there`,
      { fault: 'source' },
    );
  }
  return folder;
}

const isWithin = (path: string, folder: string): boolean => `${path}${sep}`.startsWith(`${folder}${sep}`);

/** On the error stream: what was not taken in, and why. */
export function printProblems({ report, strangers }: TakenIn): void {
  for (const { name, why } of strangers) console.error(`not taken in: ${name}: ${why}`);
  for (const key of report.left)
    console.error(`left for the next run: ${key}: it is being written or was taken back`);
  for (const { subject, error } of report.failed) {
    console.error(`failed: ${subject}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function exitCodeOf(
  entries: readonly FileEntry[],
  report: WorkReport,
  strangers: readonly Stranger[],
): number {
  if (report.failed.length > 0) return EXIT.failed;
  if (strangers.length > 0) return EXIT.attention;
  const fresh = new Set(report.files.filter(({ isNew }) => isNew).map(({ file }) => file.fileId));
  const refused = entries.some(
    (file) =>
      file.state === 'held' ||
      (fresh.has(file.fileId) && file.counts.quarantined > 0) ||
      (fresh.has(file.fileId) && file.state === 'quarantined'),
  );
  return refused ? EXIT.attention : EXIT.done;
}

export function printFiles(entries: readonly FileEntry[], json: boolean | undefined, empty: string): void {
  const columns = ['file', 'status', 'received', 'published', 'quarantined', 'deduplicated', 'why'];
  const rows = entries.map((file) => [
    file.key,
    file.state,
    file.counts.received,
    file.counts.published,
    file.counts.quarantined,
    file.counts.deduplicated,
    why(file),
  ]);
  printTable(columns, rows, { json, empty });
}

const why = (file: FileEntry): string => {
  const checks = Object.entries(file.checks).map(([check, rows]) => `${check} ${rows}`);
  return [...file.reasons.map(({ code, message }) => `${code}: ${message}`), ...checks].join('; ');
};

const QUIET_MS = 500;

/** Works whenever the folder has been quiet for a moment; what lands while it works is taken next. */
async function watchLanding(lake: Lake): Promise<void> {
  await mkdir(lake.landing.root, { recursive: true });
  console.error(`watching ${lake.landing.root}; drop files there, stop with Ctrl-C`);
  let working = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    working = working.then(async () => {
      try {
        const taken = await takeIn(lake, {});
        if (taken.entries.length > 0) printFiles(taken.entries, false, '');
        printProblems(taken);
      } catch (error) {
        // Watching goes on: what lands next may go well, and what has landed stays.
        console.error(`failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  };
  next();
  const watcher = watch(lake.landing.root, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(next, QUIET_MS);
  });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  watcher.close();
  clearTimeout(timer);
  await working;
}
