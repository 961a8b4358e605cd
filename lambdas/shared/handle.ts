import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { HeadgateError } from '../../lib/errors.ts';
import { logger } from './telemetry.ts';

/** A handler with the function's context in every line of its log. An error keeps its class: the state machine decides by its name. */
export const handle = <Event, Result>(work: (event: Event, context: Context) => Promise<Result>) =>
  middy<Event, Result>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use({ onError: ({ error }) => logError(error) })
    .handler(work);

/** Messages and facts of ours hold no row values; of errors that nobody foresaw only the class and the place are kept. */
export function logError(error: unknown): void {
  if (error instanceof HeadgateError)
    logger.error(error.message, { error: error.name, fault: error.fault, facts: error.facts });
  else if (error instanceof Error)
    logger.error(`unforeseen ${error.name}`, { stack: placesOf(error.stack ?? '') });
}

/** Of a stack the lines that name places: a message, which may have several lines, stands before them. */
const placesOf = (stack: string): string => (stack.match(/^ +at .*$/gm) ?? []).join('\n');
