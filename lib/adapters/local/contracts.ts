import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Dataset } from '../../contract/dataset.ts';
import type { Entity } from '../../contract/entity.ts';
import { type Contracts, loadContracts } from '../../contract/parse.ts';
import { ContractError } from '../../contract/problems.ts';
import { TerminalError } from '../../errors.ts';

/** Takes the error of wrong contracts, which are left out then. */
export type LeaveOut = (error: ContractError) => void;

/**
 * The datasets of every contract below a folder. @throws ContractError when any of them is wrong: nothing is loaded then. `leaveOut` is for what
 * only reads
 */
export const readContracts = (folder: string, leaveOut?: LeaveOut): readonly Dataset[] =>
  readAll(folder, leaveOut).datasets;

/** The entities of every contract below a folder. @throws ContractError when any contract is wrong */
export const readEntities = (folder: string): readonly Entity[] => readAll(folder).entities;

export function readAll(folder: string, leaveOut?: LeaveOut): Contracts {
  const files = namesBelow(folder).filter((name) => name.endsWith('.odcs.yaml'));
  return load(
    files.sort().map((name) => ({
      file: relative(process.cwd(), join(folder, name)),
      text: readFileSync(join(folder, name), 'utf8'),
    })),
    leaveOut,
  );
}

function namesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TerminalError(
      `${folder} can't be read: ${code}; name the folder of the contracts with --contracts`,
      {
        fault: 'contract',
        cause: error,
      },
    );
  }
}

/** Contracts that are good by themselves may be wrong without those that are left out, so the rest is looked at again. */
function load(files: Parameters<typeof loadContracts>[0], leaveOut: LeaveOut | undefined): Contracts {
  try {
    return loadContracts(files);
  } catch (error) {
    if (leaveOut === undefined || !(error instanceof ContractError)) throw error;
    const wrong = [error, ...error.others].map(({ file }) => file);
    const rest = files.filter(({ file }) => !wrong.includes(file));
    if (rest.length === files.length) throw error;
    leaveOut(error);
    return load(rest, leaveOut);
  }
}

/** Text of one contract. @throws TerminalError when there is no such file, or it can't be read */
export function contractText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TerminalError(`${file} can't be read: ${code}; name the file of a contract`, {
      fault: 'contract',
      cause: error,
    });
  }
}
