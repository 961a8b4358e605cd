import type { Command } from 'commander';
import { TerminalError } from '../../lib/errors.ts';
import { dictionary, dictionaryText } from '../../lib/reports/dictionary.ts';
import { contractsOf, martsOf } from '../lake.ts';

export function addDictionary(program: Command): void {
  program
    .command('dictionary [datasets...]')
    .description(
      'what the tables and marts mean, whose they are, how each column is checked and protected, and what comes from what, as Markdown',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  headgate dictionary payments/transactions')
    .action((names: readonly string[], { json }: { json?: boolean }, command: Command) => {
      const all = dictionary(contractsOf(command), martsOf(command));
      const known = all.datasets.map(({ id }) => id);
      const unknown = names.filter((name) => !known.includes(name));
      if (unknown.length > 0)
        throw new TerminalError(`there is no dataset ${unknown.join(', ')}; allowed: ${known.join(', ')}`, {
          fault: 'contract',
        });
      const chosen = all.datasets.filter(({ id }) => names.length === 0 || names.includes(id));
      const readers = new Set(chosen.flatMap(({ readBy }) => readBy));
      // One pass in order of reading: a mart of a mart counts, too.
      for (const name of readers)
        for (const mart of all.marts) if (mart.reads.includes(name)) readers.add(mart.name);
      const marts = all.marts.filter(({ name }) => names.length === 0 || readers.has(name));
      const shown = { datasets: chosen, marts };
      console.log(json === true ? JSON.stringify(shown, null, 2) : dictionaryText(shown).join('\n'));
    });
}
