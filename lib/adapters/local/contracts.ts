import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Dataset } from '../../contract/dataset.ts';
import type { Entity } from '../../contract/entity.ts';
import { type Contracts, loadContracts } from '../../contract/parse.ts';

/** The datasets of every contract below a folder. @throws ContractError when any of them is wrong: nothing is loaded then */
export const readContracts = (folder: string): readonly Dataset[] => read(folder).datasets;

/** The entities of every contract below a folder. @throws ContractError when any contract is wrong */
export const readEntities = (folder: string): readonly Entity[] => read(folder).entities;

function read(folder: string): Contracts {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.odcs.yaml'),
  );
  return loadContracts(
    files.sort().map((name) => ({
      file: relative(process.cwd(), join(folder, name)),
      text: readFileSync(join(folder, name), 'utf8'),
    })),
  );
}
