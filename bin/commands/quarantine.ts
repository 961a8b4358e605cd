import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { Lake } from '../../lib/adapters/local/lake.ts';
import { TerminalError } from '../../lib/errors.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { changeFiles } from '../../lib/ledger/files.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { correctedCopy, type Rows } from '../../lib/pipeline/corrections.ts';
import { draftReplay, type ReplayDraft } from '../../lib/pipeline/replays.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { confirm } from '../confirm.ts';
import { findFile } from '../find.ts';
import { lakeOf, queryEngineOf } from '../lake.ts';
import { asTyped, say, shellWord } from '../say.ts';
import { printTable } from '../table.ts';
import { readText, writeNew } from '../text-files.ts';
import { fulfil } from './replay.ts';

export function addQuarantine(program: Command): void {
  const quarantine = program.command('quarantine').description('what was refused, why, and the ways back');
  addList(quarantine);
  addShow(quarantine);
  addExport(quarantine);
  addRelease(quarantine);
  addDiscard(quarantine);
}

function addList(quarantine: Command): void {
  quarantine
    .command('list')
    .description('files that were refused, whole or in part, and not discarded')
    .option('--dataset <name>', 'only of this dataset')
    .option('--all', 'discarded ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate quarantine list --dataset payments/transactions')
    .action(async (options: { dataset?: string; all?: boolean; json?: boolean }, command: Command) => {
      const rows: (string | number)[][] = [];
      const held = new Set<string>();
      for await (const file of allFiles(lakeOf(command).ledger)) {
        if (options.dataset !== undefined && file.dataset !== options.dataset) continue;
        if (file.state === 'held' && file.runId !== undefined) held.add(file.runId);
        const open = options.all === true ? file.counts.quarantined : undecided(file);
        const refused = open > 0 || (file.state === 'quarantined' && !isDiscarded(file, options.all));
        if (refused) rows.push([file.fileId, file.dataset, file.key, file.state, open, reasonsOf(file)]);
      }
      printTable(['file', 'dataset', 'key', 'state', 'rows', 'why'], rows, {
        json: options.json,
        empty: 'nothing is in quarantine',
      });
      for (const run of held) say(`a batch is held, not quarantined: headgate hold show ${run}`);
    });
}

function addShow(quarantine: Command): void {
  quarantine
    .command('show <file>')
    .description('the reasons of a file and its refused rows, personal values protected')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate quarantine show retail/sales/2011-01-05.csv')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const file = await findFile(lake.ledger, id);
      if (json !== true) for (const { code, message } of file.reasons) console.log(`${code}: ${message}`);
      if (file.state === 'quarantined') {
        if (json === true) console.log(JSON.stringify(file, null, 2));
        return;
      }
      if (file.state === 'held' && json !== true) {
        console.log(asTyped(`what fails is counted with its batch: headgate hold show ${file.runId}`));
        return;
      }
      const { columns, rows } = await refusedRows(lake, file);
      printTable(columns, rows, { json, empty: 'no row of this file was refused' });
    });
}

function addExport(quarantine: Command): void {
  quarantine
    .command('export <file>')
    .description(
      'the refused rows of a file as CSV, to be mended and released; personal values stay protected',
    )
    .option('--out <path>', 'write to this file instead of the terminal')
    .addHelpText(
      'after',
      '\nExample:\n  headgate quarantine export retail/sales/2011-01-05.csv --out rows.csv',
    )
    .action(async (id: string, { out }: { out?: string }, command: Command) => {
      const lake = lakeOf(command);
      const file = await findFile(lake.ledger, id);
      requireRows(file);
      const { columns, rows } = await refusedRows(lake, file);
      const text = stringify([...rows], { header: true, columns: [...columns] });
      if (out === undefined) process.stdout.write(text);
      else writeNew(out, text);
      say(
        `${rows.length} rows; mend the values, then: headgate quarantine release ${file.fileId} --rows ${shellWord(out ?? 'rows.csv')}`,
      );
    });
}

function addRelease(quarantine: Command): void {
  quarantine
    .command('release <file>')
    .description('judge a refused file, or its refused rows, again under the contract as it is now')
    .option('--rows <path>', 'the exported rows with mended values')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  headgate quarantine release retail/sales/2011-01-05.csv --rows rows.csv',
    )
    .action(
      async (id: string, options: { rows?: string; yes?: boolean; json?: boolean }, command: Command) => {
        const lake = lakeOf(command);
        const file = await findFile(lake.ledger, id);
        const draft =
          options.rows === undefined
            ? await draftReplay(lake, [file])
            : await draftMended(lake, file, options.rows);
        process.exitCode = await fulfil(lake, draft, options);
      },
    );
}

function addDiscard(quarantine: Command): void {
  quarantine
    .command('discard <file>')
    .description('give refused rows up: they stay on record, with who and why')
    .requiredOption('--why <text>', 'the reason, without values of rows')
    .option('--rows <numbers>', 'only these, such as 3,7,12')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExample:\n  headgate quarantine discard retail/sales/2011-01-05.csv --rows 3,7 --why "test orders"',
    )
    .action(async (id: string, options: { why: string; rows?: string; yes?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const file = await findFile(lake.ledger, id);
      const rows = options.rows === undefined ? 'all' : numbersOf(options.rows);
      const what = rows === 'all' ? `all ${undecided(file)} refused rows` : `rows ${rows.join(', ')}`;
      say(`${what} of ${file.key} are given up; they stay in quarantine, marked`);
      if (!(await confirm('do it?', options.yes))) return;
      const by = userInfo().username;
      const { why } = options;
      await changeFiles(lake.ledger, file.dataset, [file.fileId], (now) => {
        const discarded = now.discarded ?? [];
        const again = discarded.some((each) => String(each.rows) === String(rows) && each.why === why);
        return again
          ? undefined
          : { ...now, discarded: [...discarded, { rows, by, why, at: new Date().toISOString() }] };
      });
    });
}

const isDiscarded = ({ discarded = [] }: FileEntry, all: boolean | undefined): boolean =>
  all !== true && discarded.some(({ rows }) => rows === 'all');

/** Refused rows that nobody has given up. */
function undecided(file: FileEntry): number {
  if (isDiscarded(file, false)) return 0;
  const given = new Set((file.discarded ?? []).flatMap(({ rows }) => (rows === 'all' ? [] : rows)));
  return Math.max(0, file.counts.quarantined - given.size);
}

const numbersOf = (text: string): readonly number[] =>
  text.split(',').map((part) => {
    const number = Number(part);
    if (Number.isInteger(number) && number > 0) return number;
    throw new TerminalError(
      `--rows ${text}: ${part} is no row number; allowed: numbers from 1, such as 3,7,12`,
      {
        fault: 'source',
      },
    );
  });

const reasonsOf = (file: FileEntry): string =>
  [
    ...file.reasons.map(({ code }) => code),
    ...Object.entries(file.checks).map(([check, rows]) => `${check} ${rows}`),
  ].join(', ');

function requireRows(file: FileEntry): void {
  if (file.state === 'published') return;
  throw new TerminalError(
    `${file.key} is ${file.state} as a whole: hand in a corrected file with headgate replay ${file.fileId} --with PATH`,
    { fault: 'source' },
  );
}

/** `unread`: numbers of the rows whose record could not be split into fields; that is then their only reason. */
async function refusedRows(lake: Lake, file: FileEntry) {
  const table = file.dataset.replace('/', '_quarantine.');
  const where = `_source_file = '${file.fileId.replaceAll("'", "''")}'`;
  const { columns, rows } = await queryEngineOf(lake, []).query(
    `SELECT *, _reasons[1].code LIKE 'record.%' AS _unread FROM ${table} WHERE ${where} ORDER BY _source_row`,
  );
  const number = columns.findIndex(({ name }) => name === '_source_row');
  return {
    columns: columns.slice(0, -1).map(({ name }) => name),
    rows: rows.map((row) => row.slice(0, -1)),
    unread: new Set(rows.filter((row) => row.at(-1) === 'true').map((row) => Number(row[number]))),
  };
}

/** The steward's rows over those that were shown. */
async function draftMended(lake: Lake, file: FileEntry, path: string): Promise<ReplayDraft> {
  requireRows(file);
  const dataset = datasetOf(lake, file.dataset);
  const names = dataset.columns.map(({ name }) => name);
  const { columns, rows, unread } = await refusedRows(lake, file);
  const shown = byNumber(
    rows.map((row) => new Map(columns.map((column, index) => [column, row[index] ?? '']))),
    names,
    'quarantine',
  );
  const given = byNumber(
    mendedRows(path).map((row) => new Map(Object.entries(row))),
    names,
    path,
  );
  const corrected = await correctedCopy(lake, dataset, file, { shown, given, unread });
  return { dataset: file.dataset, files: [{ fileId: file.fileId, corrected }] };
}

function mendedRows(path: string): readonly Record<string, string>[] {
  const text = readText(path);
  try {
    return parse(text, { columns: true, bom: true });
  } catch (cause) {
    // The parser's own message quotes the text.
    const { code, lines } = cause as { code?: string; lines?: number };
    const what =
      code === 'CSV_RECORD_INCONSISTENT_COLUMNS'
        ? 'has another number of fields than the header, as where a value with a comma lacks its quotes'
        : `can't be parsed (${code})`;
    throw new TerminalError(
      `${path} is no CSV that can be read: line ${lines} ${what}; write it as it was exported`,
      { fault: 'source' },
    );
  }
}

/** @throws TerminalError for a row without number, two of one number, or an unknown column */
function byNumber(
  rows: readonly ReadonlyMap<string, string>[],
  columns: readonly string[],
  where: string,
): Rows {
  const numbered = new Map<number, ReadonlyMap<string, string>>();
  for (const row of rows) {
    const number = Number(row.get('_source_row') ?? Number.NaN);
    if (!Number.isInteger(number) || numbered.has(number)) {
      throw new TerminalError(`${where}: every row needs its own number in _source_row, as exported`, {
        fault: 'source',
      });
    }
    const own = [...row].filter(([name]) => !name.startsWith('_'));
    const unknown = own.find(([name]) => !columns.includes(name));
    if (unknown !== undefined)
      throw new TerminalError(`${where}: there is no column ${unknown[0]}; allowed: ${columns.join(', ')}`, {
        fault: 'source',
      });
    numbered.set(number, new Map(own));
  }
  return numbered;
}
