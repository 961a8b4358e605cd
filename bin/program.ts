import { Command } from 'commander';
import { addArrivals } from './commands/arrivals.ts';
import { addContract } from './commands/contract.ts';
import { addDaily } from './commands/daily.ts';
import { addDemo } from './commands/demo.ts';
import { addDictionary } from './commands/dictionary.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExplain } from './commands/explain.ts';
import { addFiles } from './commands/files.ts';
import { addHold } from './commands/hold.ts';
import { addMatch } from './commands/match.ts';
import { addQuarantine } from './commands/quarantine.ts';
import { addQuery } from './commands/query.ts';
import { addReplay } from './commands/replay.ts';
import { addRun } from './commands/run.ts';
import { addRuns } from './commands/runs.ts';
import { addStatus } from './commands/status.ts';
import { addTables } from './commands/tables.ts';
import { environment } from './environment.ts';
import { prepare } from './lake.ts';
import { asTyped } from './say.ts';

/** Every command that `headgate` knows. */
export function headgate(): Command {
  const program = new Command('headgate')
    .description('Drop a file, get a table you can trust; every row accounted for.')
    .option('--env <name>', 'a deployed stage instead of the lake on this machine')
    .option('--home <dir>', 'folder of the lake', environment.home)
    .option('--contracts <dir>', 'folder of the contracts', environment.contracts)
    .option('--marts <dir>', 'folder of the marts', environment.marts)
    .showHelpAfterError('(headgate --help, or headgate help <command>, shows what is possible)')
    .addHelpText(
      'after',
      '\nExample:\n  headgate run --landing ./in --dataset retail/sales\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 done but something was quarantined or held',
    )
    .hook('preAction', (_program, command) => prepare(command))
    // Before the commands are added: they take it over.
    .configureOutput({
      writeOut: (text) => process.stdout.write(asTyped(text)),
      writeErr: (text) => process.stderr.write(asTyped(text)),
    })
    .exitOverride();

  for (const add of [
    addDemo,
    addRun,
    addStatus,
    addFiles,
    addRuns,
    addArrivals,
    addDaily,
    addExplain,
    addQuery,
    addQuarantine,
    addHold,
    addReplay,
    addMatch,
    addTables,
    addContract,
    addDictionary,
    addDoctor,
  ]) {
    add(program);
  }
  return program;
}
