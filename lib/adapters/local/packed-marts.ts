import { readFileSync } from 'node:fs';
import { TerminalError } from '../../errors.ts';
import type { View } from '../../reports/views.ts';

/** @throws TerminalError where the file that `scripts/bundle.ts` packs is missing */
export function readViews(file: string): readonly View[] {
  try {
    // Written by scripts/bundle.ts alone.
    return JSON.parse(readFileSync(file, 'utf8')) as readonly View[];
  } catch (cause) {
    throw new TerminalError(`the packed views ${file} can't be read; deploy again`, {
      fault: 'headgate',
      cause,
    });
  }
}
