import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { landingOf, ledgerOf, notifierOf, starterOf, storeOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { parseArrival } from '../../lib/intake/arrival.ts';
import { router } from '../../lib/intake/route.ts';
import { takeInArrival } from '../../lib/intake/take-in-arrival.ts';
import { read } from '../environment.ts';
import { handle, logError } from '../shared/handle.ts';
import { counted, logger } from '../shared/telemetry.ts';

const settings = read([
  'landingBucket',
  'rawBucket',
  'ledgerTable',
  'stateMachineArn',
  'topicArn',
  'datasets',
]);
const ports = {
  landing: landingOf(settings),
  raw: storeOf(settings.rawBucket),
  ledger: ledgerOf(settings),
  notifier: counted(notifierOf(settings)),
};
const place = {
  bucket: settings.landingBucket,
  own: true,
  route: router(readDatasets(settings.datasets)),
};
const start = starterOf(settings);

export const handler = handle<SQSEvent, SQSBatchResponse>(async (event, context) => {
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
