import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { bumpOf, compareContracts } from '../../lib/contract/compare.ts';
import { parseContract } from '../../lib/contract/parse.ts';
import { bumped, isBumped, versionOf } from '../../lib/contract/version.ts';
import { TerminalError } from '../../lib/errors.ts';
import { EXIT } from '../exit-codes.ts';
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
      const [old, fresh] = [read(before), read(after)];
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
      console.error(
        `headgate: ${after}: a breaking change needs version ${proposed} or later, the contract says ${fresh.version}`,
      );
    });
}

function read(file: string) {
  try {
    return parseContract(readFileSync(file, 'utf8'), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new TerminalError(`${file} can't be read: ${code}`, { fault: 'contract', cause: error });
  }
}
