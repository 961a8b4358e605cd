import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** A folder that is removed when the test file has run. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `headgate-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
