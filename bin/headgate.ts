import { CommanderError } from 'commander';
import { HeadgateError } from '../lib/errors.ts';
import { environment } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { headgate } from './program.ts';
import { say } from './say.ts';

try {
  await headgate().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints what a person can act on; a stack only for what Headgate did not foresee. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof HeadgateError) {
    say(`headgate: ${error.message}`);
    if (environment.debug) console.error(error);
    return EXIT.failed;
  }
  console.error(error);
  return EXIT.failed;
}
