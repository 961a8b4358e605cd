import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

export function second({ landing }: CasePlace): void {
  writeFileSync(join(landing, 'shop/2026-01-31/a.csv'), 'id,name,amount\n2,b,2.00\n');
}
