import { readFileSync } from 'node:fs';
import { TerminalError } from '../../errors.ts';
import type { MartFindings } from '../../reports/marts.ts';
import type { View } from '../../reports/views.ts';

/** What `scripts/bundle.ts` packs of sql/. */
export interface PackedMarts {
  readonly views: readonly View[];
  readonly findings: readonly MartFindings[];
}

/** @throws TerminalError where the file that `scripts/bundle.ts` packs is missing */
export function readMarts(file: string): PackedMarts {
  try {
    // Written by scripts/bundle.ts alone.
    return JSON.parse(readFileSync(file, 'utf8')) as PackedMarts;
  } catch (cause) {
    throw new TerminalError(`the packed marts ${file} can't be read; deploy again`, {
      fault: 'headgate',
      cause,
    });
  }
}
