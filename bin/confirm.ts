import { createInterface } from 'node:readline/promises';
import { TerminalError } from '../lib/errors.ts';

/** Asks before something is done that is hard to undo. @throws TerminalError where nobody can be asked and `--yes` was not given */
export async function confirm(question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes === true) return true;
  if (!process.stdin.isTTY)
    throw new TerminalError('nobody can be asked here; give --yes to do it', { fault: 'source' });
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}
