import { readFileSync } from 'node:fs';
import type { Dataset } from '../../contract/dataset.ts';
import type { Entity } from '../../contract/entity.ts';
import { TerminalError } from '../../errors.ts';

/** Grows when a `Dataset` changes its shape: a bundle never reads what another version of the code has compiled. */
const COMPILED_VERSION = 1;

/** Contracts as a bundle carries them: checked and compiled once when it is made, so that a wrong one stops the deploy and not a file. */
export const compiled = (datasets: readonly Dataset[]): string =>
  JSON.stringify({ version: COMPILED_VERSION, datasets });

export const compiledEntities = (entities: readonly Entity[]): string =>
  JSON.stringify({ version: COMPILED_VERSION, entities });

/** @throws TerminalError where the file is missing or was compiled by another version */
export const readDatasets = (file: string): readonly Dataset[] => read(file, 'datasets');
export const readEntities = (file: string): readonly Entity[] => read(file, 'entities');

interface Compiled {
  readonly datasets: readonly Dataset[];
  readonly entities: readonly Entity[];
}

function read<Name extends keyof Compiled>(file: string, name: Name): Compiled[Name] {
  // Written by `compiled` and `compiledEntities` alone.
  const content = parsed(file) as { readonly version?: number } & Partial<Compiled>;
  const found = content[name];
  if (content.version === COMPILED_VERSION && found !== undefined) return found as Compiled[Name];
  throw new TerminalError(
    `${file} holds contracts of version ${content.version}, this code reads ${COMPILED_VERSION}; deploy again`,
    { fault: 'headgate' },
  );
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new TerminalError(`the compiled contracts ${file} can't be read; deploy again`, {
      fault: 'headgate',
      cause,
    });
  }
}
