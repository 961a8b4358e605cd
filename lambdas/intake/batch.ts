import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { parseArrival } from '../../lib/intake/arrival.ts';
import type { IntakePorts, LandingPlace } from '../../lib/intake/take-in.ts';
import { takeInArrival } from '../../lib/intake/take-in-arrival.ts';
import { handle, logError } from '../shared/handle.ts';
import { logger } from '../shared/telemetry.ts';

export interface BatchPorts {
  readonly ports: IntakePorts;
  readonly place: LandingPlace;
  /** Starts an execution of the state machine for a dataset. */
  readonly start: (dataset: string) => Promise<unknown>;
}

/** Takes in what each message of a batch tells of. A message whose file is not on record, or whose run could not be started, comes again; the others do not. */
export const intakeHandler = ({ ports, place, start }: BatchPorts) =>
  handle<SQSEvent, SQSBatchResponse>(async (event, context) => {
    /** Datasets with an admitted file, and the messages that told of one. */
    const waiting = new Map<string, string[]>();
    const processor = new BatchProcessor(EventType.SQS);
    const record = async ({ body, messageId }: SQSRecord) => {
      const log = logger.createChild({ persistentKeys: { messageId } });
      try {
        for (const { file, isNew } of await takeInArrival(ports, place, parseArrival(body))) {
          log.info('taken in', { key: file.key, dataset: file.dataset, state: file.state, isNew });
          if (file.state === 'admitted')
            waiting.set(file.dataset, [...(waiting.get(file.dataset) ?? []), messageId]);
        }
      } catch (error) {
        logError(error);
        throw error;
      }
    };
    const options = { context, throwOnFullBatchFailure: false };
    const { batchItemFailures } = await processPartialResponse(event, record, processor, options);
    // A file that is recorded but whose run could not be started comes again with its message.
    const starts = [...waiting].map(([dataset, messages]) =>
      start(dataset).then(
        () => [],
        (error: unknown) => {
          logError(error);
          return messages;
        },
      ),
    );
    const unstarted = new Set((await Promise.all(starts)).flat());
    return {
      batchItemFailures: [
        ...batchItemFailures,
        ...[...unstarted].map((itemIdentifier) => ({ itemIdentifier })),
      ],
    };
  });
