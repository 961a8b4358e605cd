import { TransientError } from '../../errors.ts';

const PASSING: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO'];

/** What the operating system refused for now, as a TransientError that names what could not be written; any other error as it is. */
export function diskError(error: unknown, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!PASSING.includes(code)) return error;
  return new TransientError(`${what} could not be written: ${code}; free the disk and run again`, {
    fault: 'headgate',
    cause: error,
  });
}
