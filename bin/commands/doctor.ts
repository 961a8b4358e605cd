import type { Command } from 'commander';
import { datasetId } from '../../lib/contract/dataset.ts';
import { partitions } from '../../lib/ledger/entries.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { EXIT } from '../exit-codes.ts';
import { lakeOf } from '../lake.ts';
import { printTable } from '../table.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what is wrong with this machine or lake, and what to do')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate doctor')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const findings: string[][] = [];
      for await (const file of allFiles(lake.ledger)) {
        if ((await lake.stores.raw.stat(file.rawKey)) === undefined) {
          findings.push([`file ${file.fileId} has no copy in raw`, 'restore raw from your backup']);
        }
        if (
          !lake.datasets.some((dataset) => datasetId(dataset) === file.dataset) &&
          file.state === 'admitted'
        ) {
          findings.push([
            `file ${file.fileId} waits for dataset ${file.dataset}, which no contract describes`,
            'put the contract back',
          ]);
        }
      }
      for (const { body } of await lake.ledger.query<{ dataset: string; runId: string }>({
        partition: partitions.openRuns,
      })) {
        findings.push([`run ${body.runId} of ${body.dataset} is not finished`, 'headgate run']);
      }
      printTable(['finding', 'what to do'], findings, {
        json,
        empty: `all is well: ${lake.datasets.length} contracts, lake in ${lake.home}`,
      });
      if (findings.length > 0) process.exitCode = EXIT.attention;
    });
}
