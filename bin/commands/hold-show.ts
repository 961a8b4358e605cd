import type { Command } from 'commander';
import { TerminalError } from '../../lib/errors.ts';
import type { FileEntry, RunEntry } from '../../lib/ledger/entries.ts';
import { filesOf } from '../../lib/ledger/files.ts';
import { decisionsOn } from '../../lib/pipeline/notices.ts';
import { type RefusedRows, refusedRowsOf } from '../../lib/pipeline/refused-rows.ts';
import { type Quality, scoreText } from '../../lib/quality/score.ts';
import { findRun } from '../find.ts';
import { lakeOf } from '../lake.ts';
import { asTyped, say } from '../say.ts';
import { printTable } from '../table.ts';

/** Rows of a held batch that are shown; what lies behind them mostly fails in the same way. */
const ROWS_SHOWN = 20;

interface Held {
  readonly run: RunEntry;
  readonly quality: Quality;
  readonly files: readonly FileEntry[];
  /** Undefined where who asks may not read quarantine, or it can't be read. */
  readonly refused: RefusedRows | undefined;
}

export function addHoldShow(hold: Command): void {
  hold
    .command('show <run>')
    .description(
      'a batch that was held: its quality score, the checks that fail, the rows that they refuse, its files and where they are kept',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate hold show 20261121T042359123Z-1a2b3c')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const run = await findRun(lake.ledger, id);
      const { quality } = run;
      if (quality === undefined)
        throw new TerminalError(`run ${id} was not held; headgate hold list shows the held ones`, {
          fault: 'source',
        });
      const files = await filesOf(lake.ledger, run.dataset, run.files);
      const refused = await refusedRowsOf(lake, run, ROWS_SHOWN).catch((error: unknown) => {
        // Counts, files and ways on are shown all the same: an operator's role of a stage reads no quarantine.
        say(`the refused rows can't be shown: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      });
      const held = { run, quality, files, refused };
      if (json === true) console.log(JSON.stringify(document(held), null, 2));
      else print(held);
    });
}

const document = ({ run, quality, files, refused }: Held) => ({
  run: run.runId,
  dataset: run.dataset,
  state: run.state,
  score: quality.score,
  received: quality.received,
  failing: quality.failing,
  reasons: run.reasons,
  files: files.map(({ fileId, key, state, rawKey }) => ({ file: fileId, key, state, kept: rawKey })),
  refused: refused?.total ?? null,
  rows: refused === undefined ? [] : reasonLines(refused, files),
});

function print({ run, quality, files, refused }: Held): void {
  console.log(`${run.dataset}: run ${run.runId} is ${run.state}`);
  for (const { message } of run.reasons) console.log(`  ${message}`);
  console.log(
    `quality score ${scoreText(quality)}: so many percent of the ${quality.received} records fail no check`,
  );
  printTable(['check', 'failing'], Object.entries(quality.failing), { empty: 'no check fails' });
  printTable(
    ['file', 'status', 'kept in raw as'],
    files.map(({ key, state, rawKey }) => [key, state, rawKey]),
    { empty: 'no files' },
  );
  if (refused !== undefined && refused.total > 0) printRefused(refused, reasonLines(refused, files));
  if (run.state === 'held') console.log(asTyped(`next: ${decisionsOn(run).join('\n  or: ')}`));
}

interface ReasonLine {
  readonly file: string;
  readonly row: number;
  readonly column: string | null;
  readonly code: string;
  readonly rule: string | null;
}

function reasonLines({ rows }: RefusedRows, files: readonly FileEntry[]): readonly ReasonLine[] {
  const keys = new Map(files.map(({ fileId, key }) => [fileId, key]));
  return rows.flatMap(({ fileId, row, reasons }) =>
    reasons.map(({ code, column, rule }) => ({
      file: keys.get(fileId) ?? fileId,
      row,
      column: column ?? null,
      code,
      rule: rule ?? null,
    })),
  );
}

function printRefused({ total, rows }: RefusedRows, lines: readonly ReasonLine[]): void {
  printTable(
    ['file', 'row', 'column', 'reason', 'rule'],
    lines.map(({ file, row, column, code, rule }) => [file, row, column, code, rule]),
    { empty: `the ${total} refused rows are no longer stored` },
  );
  if (rows.length === 0) return;
  if (total > rows.length) console.log(`and ${total - rows.length} more refused rows`);
  console.log('row 1 is the first record of its file; a header is none');
}
