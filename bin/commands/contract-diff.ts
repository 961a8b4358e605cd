import type { Command } from 'commander';
import { contractText } from '../../lib/adapters/local/contracts.ts';
import { bumpOf, compareContracts } from '../../lib/contract/compare.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { bumped, isBumped, versionOf } from '../../lib/contract/version.ts';
import { EXIT } from '../exit-codes.ts';
import { say } from '../say.ts';
import { printTable } from '../table.ts';

export function addContractDiff(contract: Command): void {
  contract
    .command('diff <before> <after>')
    .description(
      'every change between two versions, and the version that it needs; exit code 1 when that is missing',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  git show main:contracts/retail/sales.odcs.yaml > /tmp/before.odcs.yaml\n  headgate contract diff /tmp/before.odcs.yaml contracts/retail/sales.odcs.yaml',
    )
    .action((before: string, after: string, { json }: { json?: boolean }) => {
      const old = parseContract(contractText(before), before);
      const fresh = parseContract(contractText(after), after);
      const changes = compareContracts(old, fresh);
      const bump = bumpOf(changes);
      const [from, to] = [versionOf(old.version, before), versionOf(fresh.version, after)];
      const proposed = bumped(from, bump).join('.');
      const isMissing = bump === 'major' && !isBumped(from, to, bump);
      if (json === true)
        console.log(
          JSON.stringify(
            { before: old.version, after: fresh.version, bump, proposed, ok: !isMissing, changes },
            null,
            2,
          ),
        );
      else {
        printTable(
          ['effect', 'dataset', 'what', 'from', 'to', 'because'],
          changes.map(({ effect, dataset, what, from, to, because }) => [
            effect,
            dataset,
            what,
            from,
            to,
            because,
          ]),
          { empty: 'nothing has changed' },
        );
        console.log(
          `\nversion ${old.version} to ${fresh.version}; the changes ask for ${bump === 'none' ? 'no new version' : `${proposed} (${bump})`}`,
        );
      }
      if (!isMissing) return;
      process.exitCode = EXIT.failed;
      say(
        `headgate: ${after}: a breaking change needs version ${proposed} or later, the contract says ${fresh.version}`,
      );
    });
}
