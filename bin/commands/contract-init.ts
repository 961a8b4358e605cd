import { realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { duckDbProfiler } from '../../lib/adapters/local/duckdb-profiler.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { ALLOWED_NAMES, NAME } from '../../lib/contract/names.ts';
import { proposeContract } from '../../lib/contract/propose/propose.ts';
import { TerminalError } from '../../lib/errors.ts';
import { say, shellWord } from '../say.ts';
import { writeNew } from '../text-files.ts';

interface InitOptions {
  readonly dataset?: string;
  readonly out?: string;
  readonly force?: boolean;
}

export function addContractInit(contract: Command): void {
  contract
    .command('init <files...>')
    .description('propose a contract from sample files of one feed; comments say why, and what is unsure')
    .option('--dataset <name>', 'domain/name; without it made from the paths')
    .option('--out <file>', 'write there instead of printing')
    .option('--force', 'overwrite the file of --out')
    .addHelpText(
      'after',
      '\nExample:\n  headgate contract init ../exports/retail/*.csv --dataset retail/sales --out contracts/retail/sales.odcs.yaml',
    )
    .action(async (files: readonly string[], { dataset, out, force }: InitOptions) => {
      if (dataset !== undefined && !isDatasetId(dataset))
        throw new TerminalError(`--dataset ${dataset}: allowed: domain/name, each ${ALLOWED_NAMES}`, {
          fault: 'contract',
        });
      const scratch = await mkdtemp(join(tmpdir(), 'headgate-init-'));
      try {
        const store = folderStore('/');
        const text = await proposeContract(
          files.map(keyOf),
          { store, profiler: duckDbProfiler({ raw: store, scratch }) },
          dataset === undefined ? {} : { dataset },
        );
        if (out === undefined) process.stdout.write(text);
        else {
          writeNew(out, text, { force: force === true, taken: '--force overwrites it' });
          say(
            `proposed ${out}; decide what it marks UNSURE, then: headgate contract check ${shellWord(out)}`,
          );
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
}

function isDatasetId(text: string): boolean {
  const parts = text.split('/');
  return parts.length === 2 && parts.every((part) => NAME.test(part));
}

/** Samples lie anywhere: they are read as objects of one store that is the whole disk. */
function keyOf(file: string): string {
  try {
    return realpathSync(file).slice(1);
  } catch (error) {
    throw new TerminalError(`${file} can't be read: ${(error as NodeJS.ErrnoException).code}`, {
      fault: 'source',
      cause: error,
    });
  }
}
