import { TerminalError } from '../errors.ts';

/** A file that can't be taken in as a whole. `code` is a reason code `file.*`. */
export class FormatProblem extends TerminalError {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { fault: 'source', facts: { code }, cause });
    this.code = code;
  }
}
