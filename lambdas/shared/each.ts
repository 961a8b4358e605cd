import { TransientError } from '../../lib/errors.ts';
import { DAY_MS } from '../../lib/ports/clock.ts';
import { logError } from './handle.ts';

/**
 * Does the work for each of several, one after the other; one that fails keeps none of the others from being done. Every day begins with another of them:
 * where a function's 15 minutes do not reach the last, none is the last for long.
 * @throws TransientError that names those that failed, so that an alarm sees it
 */
export async function forEach<Item>(
  what: string,
  items: readonly Item[],
  {
    nameOf,
    work,
    now = new Date(),
  }: {
    readonly nameOf: (item: Item) => string;
    readonly work: (item: Item) => Promise<void>;
    readonly now?: Date;
  },
): Promise<void> {
  const failed: string[] = [];
  const first = Math.floor(now.getTime() / DAY_MS) % items.length;
  for (const item of [...items.slice(first), ...items.slice(0, first)]) {
    try {
      await work(item);
    } catch (error) {
      logError(error);
      failed.push(nameOf(item));
    }
  }
  if (failed.length > 0)
    throw new TransientError(`${what} failed for ${failed.join(', ')}`, { fault: 'headgate' });
}
