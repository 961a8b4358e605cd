import { queryEngineOf } from '../../lib/adapters/aws/lake.ts';
import { callOfFunction } from '../../lib/adapters/aws/step-functions.ts';
import { datasetId } from '../../lib/contract/dataset.ts';
import { ConflictError } from '../../lib/errors.ts';
import { DEFAULT_EXPIRY, expireDataset, withLock } from '../../lib/pipeline/maintain.ts';
import { applyRetention, explainRetention, planRetention } from '../../lib/pipeline/retention.ts';
import { read } from '../environment.ts';
import { forEach } from '../shared/each.ts';
import { handle } from '../shared/handle.ts';
import { runServices } from '../shared/services.ts';
import { logger } from '../shared/telemetry.ts';

const services = runServices();
const queryEngine = queryEngineOf(read(['workgroup']));

/**
 * Takes out of every dataset what its contract keeps no longer, then forgets old snapshots: files go from the buckets a week after their rows have left. A dataset
 * that a run is working on waits for the next day.
 * @throws TransientError where something failed, so that an alarm sees it; the other datasets are done
 */
export const handler = handle<unknown, { readonly busy: readonly string[] }>(async (_event, context) => {
  const call = callOfFunction(context.awsRequestId, context.getRemainingTimeInMillis());
  const busy: string[] = [];
  await forEach('retention', services.datasets, {
    nameOf: datasetId,
    work: async (dataset) => {
      const id = datasetId(dataset);
      try {
        await withLock(services, id, call, async (lock) => {
          const plan = await planRetention(services, queryEngine, dataset);
          if (plan !== undefined) {
            logger.info('retention', { dataset: id, before: plan.before, plan: explainRetention(plan) });
            await applyRetention(services, lock, plan);
          }
          const expired = await expireDataset(services, dataset, DEFAULT_EXPIRY);
          logger.info('expiry', { dataset: id, expired });
        });
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        busy.push(id);
      }
    },
  });
  return { busy };
});
