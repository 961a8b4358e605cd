import { watch } from 'node:fs';
import { mkdir, opendir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ASIDE_MS, folderStore, type Stranger, strangersIn } from '../../lib/adapters/local/folder-store.ts';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { datasetId } from '../../lib/contract/dataset.ts';
import { isUnfinished } from '../../lib/contract/landing-pattern.ts';
import { TerminalError } from '../../lib/errors.ts';
import { fixedRoute, router } from '../../lib/intake/route.ts';
import type { LandingPlace } from '../../lib/intake/take-in.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { fileOf } from '../../lib/ledger/files.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { type WorkReport, work } from '../../lib/pipeline/work.ts';
import type { ObjectInfo } from '../../lib/ports/object-store.ts';
import { EXIT } from '../exit-codes.ts';
import { datasetsOf, lakeOf, SETTLE_MS } from '../lake.ts';
import { asTyped, say, shellWord } from '../say.ts';
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
      printUnclaimed(files, options, lake);
    });
  program
    .command('up')
    .description('watch the landing folder and take in what lands, until interrupted')
    .addHelpText('after', '\nExample:\n  headgate up')
    .action(async (_options: unknown, command: Command) =>
      watchLanding(lakeOf(command), () => datasetsOf(command)),
    );
}

/** A folder of one's own seldom looks like a landing place. */
function printUnclaimed({ entries }: TakenIn, { landing, dataset }: RunOptions, { datasets }: Lake): void {
  const [example] = datasets;
  const unclaimed = entries.filter(({ reasons }) => reasons[0]?.code === 'file.unknown_feed').length;
  if (landing === undefined || dataset !== undefined || example === undefined || unclaimed === 0) return;
  say(
    `no landing pattern matches ${unclaimed} of the files; where all of the folder are of one dataset: headgate run --landing ${shellWord(landing)} --dataset DOMAIN/NAME, such as ${datasetId(example)}`,
  );
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
  const landing = place.own ? lake.landing : folderStore(place.bucket, { shared: true, settleMs: SETTLE_MS });
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
  await opendir(folder).then(
    (opened) => opened.close(),
    (cause: NodeJS.ErrnoException) => {
      throw new TerminalError(`--landing ${landing}: it is no folder that can be read: ${cause.code}`, {
        fault: 'source',
        cause,
      });
    },
  );
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
export function printProblems({ report, strangers, entries }: TakenIn): void {
  for (const { name, why } of strangers) say(`not taken in: ${name}: ${why}`);
  for (const key of report.left) say(`left for the next run: ${key}: it is being written or was taken back`);
  const [oldest] = report.unfinished.toSorted((a, b) => Number(a.modified) - Number(b.modified));
  if (oldest !== undefined) say(unfinishedText(oldest, report.unfinished.length));
  const ahead = entries.filter(({ receivedAt }) => Date.parse(receivedAt) > Date.now() + CLOCKS_DIFFER_MS);
  const [latest] = ahead.toSorted((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
  if (latest !== undefined) say(aheadText(latest, ahead.length));
  for (const { subject, error } of report.failed) {
    say(`failed: ${subject}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Clocks of machines that share a folder. */
const CLOCKS_DIFFER_MS = 60_000;

const aheadText = ({ key, receivedAt }: FileEntry, count: number): string =>
  `files with times of modification ahead of this machine’s clock: ${count}, such as ${key} (${receivedAt}); what comes under another name before that time counts as older and may lose to it; headgate replay FILE --with PATH puts another file in its place all the same`;

function unfinishedText({ key, modified }: ObjectInfo, count: number): string {
  // A clock that was ahead may have given it a time to come.
  const minutes = Math.max(0, Math.floor((Date.now() - modified.getTime()) / 60_000));
  return `left until they are renamed, as names of uploads under way: ${count}, the oldest for ${minutes} min: ${key}`;
}

function exitCodeOf(
  entries: readonly FileEntry[],
  report: WorkReport,
  strangers: readonly Stranger[],
): number {
  if (report.failed.length > 0) return EXIT.failed;
  if (strangers.length > 0) return EXIT.attention;
  // What waited when it was found has been worked on now, perhaps after a run that failed or was killed.
  const fresh = new Set(
    report.files
      .filter(({ file, isNew }) => isNew || file.state === 'admitted')
      .map(({ file }) => file.fileId),
  );
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
    json === true ? why(file) : asTyped(why(file)),
  ]);
  printTable(columns, rows, { json, empty });
}

const why = (file: FileEntry): string => {
  if (file.state === 'superseded' && file.supersededBy !== undefined)
    return `${file.supersededBy.fileId} took its place`;
  const checks = Object.entries(file.checks).map(([check, rows]) => `${check} ${rows}`);
  return [...file.reasons.map(({ code, message }) => `${code}: ${message}`), ...checks].join('; ');
};

const QUIET_MS = 500;
/** What was removed from landing is let go by a look at it, and nothing else may ever land. */
const LATER_MS = ASIDE_MS + 60 * 1000;

/** A folder that was removed, or renamed, is watched no more, and nobody says so. */
const LOOK_MS = 1000;

/** Works whenever the folder has been quiet for a moment, by the contracts as they are then; what lands while it works is taken next. */
async function watchLanding(lake: Lake, datasets: () => Lake['datasets']): Promise<void> {
  const { root } = lake.landing;
  let working = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let later: NodeJS.Timeout | undefined;
  const next = () => {
    working = working.then(async () => {
      try {
        const taken = await takeIn({ ...lake, datasets: datasets() }, {});
        if (taken.entries.length > 0) printFiles(taken.entries, false, '');
        printProblems(taken);
      } catch (error) {
        // Watching goes on: what lands next may go well, and what has landed stays.
        say(`failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      clearTimeout(later);
      later = setTimeout(next, LATER_MS);
    });
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(next, QUIET_MS);
  };
  const watched = async () => {
    await mkdir(root, { recursive: true });
    const { ino } = await stat(root);
    return { ino, watcher: watch(root, { recursive: true }, soon).on('error', () => undefined) };
  };
  let now = await watched();
  say(`watching ${root}; drop files there, stop with Ctrl-C`);
  next();
  const lookAgain = async () => {
    if ((await stat(root).catch(() => undefined))?.ino === now.ino) return;
    now.watcher.close();
    now = await watched();
    soon();
  };
  // What can't be watched now may be so in a moment.
  const look = setInterval(() => lookAgain().catch(() => undefined), LOOK_MS);
  const { isOver } = await interrupted();
  clearInterval(look);
  now.watcher.close();
  clearTimeout(timer);
  await Promise.all([working, isOver]);
  clearTimeout(later);
}

/**
 * Ctrl-C comes twice: from the terminal, and from the process that started this one. Whoever is gone, or on the way, before the second comes is killed by
 * it; one that comes after this time ends the process at once.
 */
const TWICE_MS = 500;

/** Answers the first signal at once. `isOver`: no second one belongs to it any more. */
const interrupted = (): Promise<{ readonly isOver: Promise<void> }> =>
  new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const stop = () => {
      const isOver = sleep(TWICE_MS).then(() => {
        for (const signal of signals) process.off(signal, stop);
      });
      resolve({ isOver });
    };
    for (const signal of signals) process.on(signal, stop);
  });
