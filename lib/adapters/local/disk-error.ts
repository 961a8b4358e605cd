import { TerminalError, TransientError } from '../../errors.ts';

const PASSING: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EIO'];

/** What the operating system refused for now, as a TransientError that names what could not be written, and a name that it never takes as a TerminalError; any other error as it is. */
export function diskError(error: unknown, what: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENAMETOOLONG')
    return new TerminalError(
      `${what} is longer than a file system allows, mostly 255 bytes a part and 4,096 in all; shorten it`,
      { fault: 'source', cause: error, facts: { key: what } },
    );
  if (!PASSING.includes(code)) return error;
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? `the disk is full (${code})` : code;
  return new TransientError(`${what} could not be written: ${why}; free the disk and run again`, {
    fault: 'headgate',
    cause: error,
  });
}
