import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CasePlace } from '../../support/case-place.ts';

/** Long enough that the writer writes while intake reads. */
const ROWS = 600_000;
let file = 0;

/** The last record grows until the run has ended, so that the number of records is known. */
export function first({ landing }: CasePlace): () => void {
  const folder = join(landing, 'shop/2026-01-31');
  mkdirSync(folder, { recursive: true });
  file = openSync(join(folder, 'a.csv'), 'w');
  writeSync(file, 'id,name,amount\n');
  writeSync(file, Array.from({ length: ROWS }, (_, id) => `${id},some text,1.00\n`).join(''));
  writeSync(file, `${ROWS},`);
  const writing = setInterval(() => writeSync(file, 'x'), 1);
  return () => clearInterval(writing);
}

export function second(): void {
  writeSync(file, ',1.00\n');
  closeSync(file);
}
