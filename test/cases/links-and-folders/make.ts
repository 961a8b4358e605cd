import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

export function first({ landing }: CasePlace): undefined {
  mkdirSync(join(landing, 'shop/2026-01-31/empty.csv'));
  symlinkSync('a.csv', join(landing, 'shop/2026-01-31/link.csv'));
  symlinkSync('/', join(landing, 'shop/root'));
}
