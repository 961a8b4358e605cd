import * as z from 'zod/mini';
import { TerminalError } from '../../lib/errors.ts';

const text = z.string().check(z.minLength(1));
const message = z.looseObject({ dataset: text });
const claim = z.looseObject({ message, execution: text });
const within = z.looseObject({ dataset: text, runId: text, epoch: z.int() });

/** What a task's state is given: of Claim the message and the execution, of the others a message within a run. @throws TerminalError that names what is missing */
export function inputOf(state: string, input: unknown): unknown {
  const parsed = (state === 'Claim' ? claim : within).safeParse(input);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message: why }) => `${path.join('.') || 'input'}: ${why}`);
  throw new TerminalError(`${state} was not started by the state machine: ${wrong.join('; ')}`, {
    fault: 'headgate',
  });
}
