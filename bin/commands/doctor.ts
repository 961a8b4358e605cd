import type { Command } from 'commander';
import { diagnoseEntity } from '../../lib/matching/maintain.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { EXIT } from '../exit-codes.ts';
import { entitiesOf, lakeOf } from '../lake.ts';
import { asTyped } from '../say.ts';
import { printTable } from '../table.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what is inconsistent between ledger, catalogue and storage, and the command that mends it')
    .option(
      '--mend',
      'put the ledger’s own lists right, and bring along the tables of a lake that was moved or copied',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate doctor')
    .action(async ({ json, mend }: { json?: boolean; mend?: boolean }, command: Command) => {
      const lake = lakeOf(command);
      const findings = [...(await diagnose(lake, { landing: lake.landing, mend: mend === true }))];
      for (const entity of entitiesOf(command, undefined))
        findings.push(...(await diagnoseEntity(lake, entity)));
      printTable(
        ['finding', 'what to do'],
        findings.map((finding) => [finding.what, asTyped(finding.mend)]),
        { json, empty: `all is well: ${lake.datasets.length} contracts, lake in ${lake.home}` },
      );
      if (findings.some((finding) => finding.mend !== 'mended')) process.exitCode = EXIT.attention;
    });
}
