import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

const DAY = 'shop/2026-01-31';

export function second({ landing }: CasePlace): void {
  writeFileSync(join(landing, DAY, 'b.csv'), 'id,name,amount\n2,b,2.00\n3,c,3.00\n');
}
