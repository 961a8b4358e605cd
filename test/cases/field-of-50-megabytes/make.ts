import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

export function first({ landing }: CasePlace): undefined {
  const folder = join(landing, 'shop/2026-01-31');
  mkdirSync(folder, { recursive: true });
  const field = 'x'.repeat(50 * 1024 * 1024);
  writeFileSync(join(folder, 'a.csv'), `id,name,amount\n1,a,1.00\n2,${field},2.00\n3,c,3.00\n`);
  writeFileSync(join(folder, 'b.csv'), `id,name,amount\n4,a,1.00\n5,"${field}",2.00\n6,c,3.00\n`);
  writeFileSync(join(folder, 'c.csv'), `${field}\n7,a,1.00\n`);
}
