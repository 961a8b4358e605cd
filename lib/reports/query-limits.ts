import { LimitError } from '../errors.ts';

/** What every engine says of a query that it has stopped because its time was over. */
export const tooLong = (what: string, seconds: number): LimitError =>
  new LimitError(
    `${what} did not end within ${seconds} seconds and was stopped; join on keys, ask for less of the table, or give it longer with headgate query --timeout`,
    { fault: 'contract', facts: { limit: 'seconds', allowed: seconds } },
  );
