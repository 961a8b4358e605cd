import { TransientError } from '../../lib/errors.ts';
import { logError } from './handle.ts';

/**
 * Does the work for each of several, one after the other; one that fails keeps none of the others from being done.
 * @throws TransientError that names those that failed, so that an alarm sees it
 */
export async function forEach<Item>(
  what: string,
  items: readonly Item[],
  { nameOf, work }: { readonly nameOf: (item: Item) => string; readonly work: (item: Item) => Promise<void> },
): Promise<void> {
  const failed: string[] = [];
  for (const item of items) {
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
