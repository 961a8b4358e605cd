import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Dataset } from '../../contract/dataset.ts';
import { loadContracts } from '../../contract/parse.ts';

/** Every contract below a folder. @throws ContractError when any of them is wrong: nothing is loaded then */
export function readContracts(folder: string): readonly Dataset[] {
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
