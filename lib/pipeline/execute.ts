import { PoisonError } from '../errors.ts';
import type { Plan, RunResult } from '../plan/plan.ts';
import { type RunContext, runContext } from './context.ts';
import { loadDocument, storeDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** Lets the engine execute the stored plan and stores its result. Nothing is visible yet. */
export async function execute(services: Services, message: RunMessage): Promise<Message> {
  const context = await runContext(services, message);
  const plan = await loadDocument(services.stores.results, message.dataset, message.runId, 'plan');
  await keep(services, context, plan, await services.engine.execute(plan));
  return message;
}

/** Stores the result of a run. @throws PoisonError where it does not answer for every file */
export async function keep(
  { stores }: Services,
  { save }: RunContext,
  plan: Plan,
  result: RunResult,
): Promise<void> {
  if (result.tallies.length !== plan.inputs.length) {
    throw new PoisonError(`the engine answered for ${result.tallies.length} of ${plan.inputs.length} files`, {
      fault: 'headgate',
    });
  }
  await storeDocument(stores.results, plan.dataset, 'result', result);
  await save({ state: 'executed', engine: result.engine, seconds: result.seconds });
}
