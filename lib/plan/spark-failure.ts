import { type HeadgateError, PoisonError, TerminalError, TransientError, UnclearError } from '../errors.ts';

/** The failure that `run_plan.py` named in its log or in the error text of a Glue job run; without one the process was killed: transient. */
export function failureIn(text: string, otherwise: string): HeadgateError {
  const [, found] =
    [...text.matchAll(/headgate-failure (\{"kind": "[a-z]+", "message": "(?:[^"\\]|\\.)*"\})/g)].at(-1) ?? [];
  if (found === undefined) {
    return new TransientError(
      `${otherwise} and named no reason: it was killed, or ran out of memory or disk; see its log, and run again`,
      {
        fault: 'headgate',
      },
    );
  }
  // Printed by failures.py alone.
  const { kind, message } = JSON.parse(found) as {
    readonly kind: 'poison' | 'terminal' | 'transient' | 'unclear';
    readonly message: string;
  };
  switch (kind) {
    case 'poison':
      return new PoisonError(message, { fault: 'source' });
    case 'terminal':
      return new TerminalError(message, { fault: 'headgate' });
    case 'transient':
      return new TransientError(message, { fault: 'headgate' });
    case 'unclear':
      return new UnclearError(message, { fault: 'headgate' });
  }
}
