import { InvalidArgumentError } from 'commander';
import * as z from 'zod/mini';

/** A calendar day. @throws InvalidArgumentError for anything else: as a text it would compare with days all the same */
export function dayOption(text: string): string {
  const date = new Date(`${text}T00:00:00Z`);
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(date.getTime());
  if (isDay && date.toISOString().startsWith(text)) return text;
  throw new InvalidArgumentError('Allowed: a day as yyyy-MM-dd, such as 2026-01-31.');
}

/** A number of things. @throws InvalidArgumentError for anything else */
export function countOption(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('Allowed: a whole number from 1.');
}

const DAY_SECONDS = 86_400;

/** How long something may take. @throws InvalidArgumentError for anything else */
export function secondsOption(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= DAY_SECONDS) return seconds;
  throw new InvalidArgumentError(`Allowed: seconds, more than 0 and at most ${DAY_SECONDS} (a day).`);
}

const moment = z.iso.datetime({ offset: true });

/** A moment. @throws InvalidArgumentError for anything else: without its offset a time is another moment on every machine */
export function timeOption(text: string): Date {
  if (moment.safeParse(text).success) return new Date(text);
  throw new InvalidArgumentError(
    'Allowed: a time of ISO 8601 with seconds and its offset, such as 2026-11-21T08:00:00Z or 2026-11-21T09:00:00+01:00.',
  );
}
