import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

/** The second day's file has a column that is new, one under another name, and all in another order. */
export function second({ landing }: CasePlace): void {
  cpSync(join(import.meta.dirname, 'landing-2'), landing, { recursive: true });
}
