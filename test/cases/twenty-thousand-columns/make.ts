import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

export function first({ landing }: CasePlace): undefined {
  const folder = join(landing, 'shop/2026-01-31');
  mkdirSync(folder, { recursive: true });
  const fields = Array.from({ length: 20_000 }, (_, index) => `column_${index}`).join();
  writeFileSync(join(folder, 'a.csv'), `${fields}\n${fields}\n`);
  writeFileSync(join(folder, 'b.csv'), `id,name,amount\n1,a,1.00\n${fields}\n2,b,2.00\n`);
}
