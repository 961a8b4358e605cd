import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TerminalError } from '../lib/errors.ts';

const refused = (path: string, what: string, why: string, cause: unknown): TerminalError =>
  new TerminalError(`${path} can't be ${what}: ${why}`, { fault: 'source', cause });

/** Text of a file that a person has named. @throws TerminalError where it can't be read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw refused(path, 'read', String((cause as NodeJS.ErrnoException).code), cause);
  }
}

/** Writes a file that a person has asked for, and the folders above it. @throws TerminalError where it is there already, or can't be written */
export function writeNew(
  path: string,
  text: string,
  { force = false, taken = 'name another one' } = {},
): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isTaken = code === 'EEXIST' || code === 'EISDIR';
    throw refused(path, 'written', isTaken ? `it is there already; ${taken}` : String(code), cause);
  }
}
