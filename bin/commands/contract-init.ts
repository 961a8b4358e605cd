import { realpathSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { duckDbProfiler } from '../../lib/adapters/local/duckdb-profiler.ts';
import { folderStore } from '../../lib/adapters/local/folder-store.ts';
import { proposeContract } from '../../lib/contract/propose/propose.ts';
import { TerminalError } from '../../lib/errors.ts';

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
      if (dataset !== undefined && !/^[a-z][a-z0-9_]*\/[a-z][a-z0-9_]*$/.test(dataset))
        throw new TerminalError(`--dataset ${dataset}: allowed: domain/name of small letters, digits and _`, {
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
        else write(out, text, force === true);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
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

function write(out: string, text: string, force: boolean): void {
  try {
    writeFileSync(out, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const why = code === 'EEXIST' ? 'it is there already; --force overwrites it' : code;
    throw new TerminalError(`${out} can't be written: ${why}`, { fault: 'contract', cause: error });
  }
  console.error(`proposed ${out}; decide what it marks UNSURE, then: headgate contract check ${out}`);
}
