import type { Command } from 'commander';
import { TerminalError } from '../../lib/errors.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { lakeOf, martsOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addQuarantine(program: Command): void {
  const quarantine = program.command('quarantine').description('what was refused, and why');
  quarantine
    .command('list')
    .description('files that were refused, whole or in part')
    .option('--dataset <name>', 'only of this dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate quarantine list --dataset payments/transactions')
    .action(async ({ dataset, json }: { dataset?: string; json?: boolean }, command: Command) => {
      const rows: (string | number)[][] = [];
      for await (const file of allFiles((await lakeOf(command)).ledger)) {
        const refused = file.state === 'quarantined' || file.counts.quarantined > 0;
        if (refused && (dataset === undefined || file.dataset === dataset))
          rows.push([
            file.fileId,
            file.dataset,
            file.key,
            file.state,
            file.counts.quarantined,
            reasonsOf(file),
          ]);
      }
      printTable(['file', 'dataset', 'key', 'state', 'rows', 'why'], rows, {
        json,
        empty: 'nothing is in quarantine',
      });
    });
  quarantine
    .command('show <file>')
    .description('the reasons of a file and its refused rows, personal values protected')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  headgate quarantine show 2026-01-31.20261121T042359123Z.3fa9c1d2e4b0',
    )
    .action(async (id: string, { json }: { json?: boolean }, command: Command) => {
      const lake = await lakeOf(command);
      const file = await findFile(allFiles(lake.ledger), id);
      if (json !== true) for (const { code, message } of file.reasons) console.log(`${code}: ${message}`);
      if (file.state === 'quarantined') {
        if (json === true) console.log(JSON.stringify(file, null, 2));
        return;
      }
      const table = file.dataset.replace('/', '_quarantine.');
      const where = `_source_file = '${file.fileId.replaceAll("'", "''")}'`;
      const { columns, rows } = await lake
        .queryEngine(martsOf(command))
        .query(`SELECT * FROM ${table} WHERE ${where} ORDER BY _source_row`);
      printTable(
        columns.map(({ name }) => name),
        rows,
        { json, empty: 'no row of this file was refused' },
      );
    });
}

const reasonsOf = (file: FileEntry): string =>
  [
    ...file.reasons.map(({ code }) => code),
    ...Object.entries(file.checks).map(([check, rows]) => `${check} ${rows}`),
  ].join(', ');

async function findFile(files: AsyncIterable<FileEntry>, id: string): Promise<FileEntry> {
  for await (const file of files) if (file.fileId === id || file.key === id) return file;
  throw new TerminalError(`there is no file ${id}; headgate files lists them`, { fault: 'source' });
}
