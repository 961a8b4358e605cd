import type { Command } from 'commander';
import { contractText, readContracts } from '../../lib/adapters/local/contracts.ts';
import { datasetId } from '../../lib/contract/dataset.ts';
import { parseContracts } from '../../lib/contract/parse.ts';
import { sources } from '../../lib/contract/sources.ts';
import { globals } from '../lake.ts';
import { printTable } from '../table.ts';
import { addContractDiff } from './contract-diff.ts';
import { addContractInit } from './contract-init.ts';

export function addContract(program: Command): void {
  const contract = program.command('contract').description('the data contracts');
  addContractInit(contract);
  addContractDiff(contract);
  contract
    .command('check [files...]')
    .description('say everything that is wrong with contracts; without files, with all of them')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate contract check contracts/retail/sales.odcs.yaml')
    .action((files: readonly string[], { json }: { json?: boolean }, command: Command) => {
      const datasets =
        files.length === 0
          ? readContracts(globals(command).contracts)
          : parseContracts(files.map((file) => ({ file, text: contractText(file) })));
      const rows = datasets.map((dataset) => [
        datasetId(dataset),
        dataset.contract.version,
        sources(dataset)
          .map(({ format }) => format.kind)
          .join(', '),
        dataset.writeMode,
        dataset.columns.length,
        dataset.rowChecks.length + dataset.batchChecks.length,
        sources(dataset)
          .map(({ landing }) => landing)
          .join(', '),
      ]);
      printTable(['dataset', 'version', 'format', 'write mode', 'columns', 'checks', 'landing'], rows, {
        json,
        empty: 'no dataset with an ingestion property',
      });
    });
}
