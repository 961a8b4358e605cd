import { PoisonError } from '../errors.ts';
import { runContext } from './context.ts';
import { loadDocument, storeDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/** Lets the engine execute the stored plan and stores its result. Nothing is visible yet. */
export async function execute(services: Services, message: RunMessage): Promise<Message> {
  const { save } = await runContext(services, message);
  const { results } = services.stores;
  const plan = await loadDocument(results, message.dataset, message.runId, 'plan');
  const result = await services.engine.execute(plan);
  if (result.tallies.length !== plan.inputs.length) {
    throw new PoisonError(`the engine answered for ${result.tallies.length} of ${plan.inputs.length} files`, {
      fault: 'headgate',
    });
  }
  await storeDocument(results, message.dataset, 'result', result);
  await save({ state: 'executed', engine: result.engine, seconds: result.seconds });
  return message;
}
