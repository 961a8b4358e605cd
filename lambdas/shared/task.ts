import type { Context } from 'aws-lambda';
import type { Services } from '../../lib/pipeline/services.ts';
import { TASKS } from '../../lib/pipeline/tasks.ts';
import { handle } from './handle.ts';
import { inputOf } from './input.ts';
import { logger } from './telemetry.ts';

interface Input {
  readonly dataset?: string;
  readonly runId?: string;
  readonly message?: { readonly dataset: string };
}

/** Handler of a state that has a task. */
export const taskHandler = (state: keyof typeof TASKS, services: Services) =>
  handle<Input, unknown>(async (event, _context: Context) => {
    const input = inputOf(state, event) as Input;
    logger.appendKeys({ state, dataset: input.dataset ?? input.message?.dataset, runId: input.runId });
    return TASKS[state](services, input as never);
  });
