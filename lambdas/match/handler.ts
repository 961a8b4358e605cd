import type { Context } from 'aws-lambda';
import { matchLauncherOf } from '../../lib/adapters/aws/lake.ts';
import { callOfFunction } from '../../lib/adapters/aws/step-functions.ts';
import { readEntities } from '../../lib/adapters/local/compiled-contracts.ts';
import { stagedMatcher } from '../../lib/adapters/local/staged-matcher.ts';
import { entityId } from '../../lib/contract/entity.ts';
import { ConflictError, MatchWaiting } from '../../lib/errors.ts';
import { matchEntity } from '../../lib/matching/run.ts';
import { read } from '../environment.ts';
import { forEach } from '../shared/each.ts';
import { handle } from '../shared/handle.ts';
import { runServices } from '../shared/services.ts';
import { logger } from '../shared/telemetry.ts';

const { matchJob, entities, scratch, memory } = read(['matchJob', 'entities', 'scratch', 'memory']);
const services = runServices();
const matcher = stagedMatcher({
  stores: services.stores,
  scratch,
  ...(memory === undefined ? {} : { memory }),
  launch: matchLauncherOf(matchJob),
});

/**
 * Every entity one step further: begins its comparing where its sources have changed, publishes where the answer stands, and does nothing otherwise.
 * @throws TransientError when an entity failed, so that an alarm sees it; the others are done
 */
export const handler = handle<unknown, void>((_event, context: Context) =>
  forEach('matching', readEntities(entities), {
    nameOf: entityId,
    work: async (entity) => {
      const id = entityId(entity);
      try {
        const execution = callOfFunction(context.awsRequestId, context.getRemainingTimeInMillis());
        const { run, status } = await matchEntity({ services, matcher, execution }, entity);
        logger.info(`${id}: ${status}`, { runId: run.runId, counts: run.counts });
      } catch (error) {
        if (error instanceof MatchWaiting) logger.info(error.message, { entity: id, facts: error.facts });
        // Another one works on it.
        else if (error instanceof ConflictError) logger.info(error.message, { entity: id });
        else throw error;
      }
    },
  }),
);
