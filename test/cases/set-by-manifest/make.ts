import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

const DAY = 'shop/2026-01-31';

/** The manifest was wrong: a corrected one brings the files back that were refused for it. */
export function second({ landing }: CasePlace): void {
  const files = [{ name: 'a.csv', records: 1 }, `b.csv`];
  writeFileSync(join(landing, DAY, 'manifest.json'), JSON.stringify({ files }));
}
