import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Lake, openLake } from '../../lib/adapters/local/lake.ts';
import { runStateMachine } from '../../lib/adapters/local/state-machine.ts';
import { router } from '../../lib/intake/route.ts';
import type { FileEntry } from '../../lib/ledger/entries.ts';
import { replayOf } from '../../lib/ledger/replays.ts';
import { datasetOf } from '../../lib/pipeline/context.ts';
import { correctedCopy } from '../../lib/pipeline/corrections.ts';
import { diagnose } from '../../lib/pipeline/diagnosis.ts';
import { draftReplay, requestReplay } from '../../lib/pipeline/replays.ts';
import { work } from '../../lib/pipeline/work.ts';
import { allFiles } from '../../lib/reports/ledger-tables.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder('mended');
const CASE = join(import.meta.dirname, '../cases/earlier-versions');
const ID = 'shop/items';
const ROWS = '1,x,1.00\n2,2,2.00\n';

const open = (home: string, contracts = CASE): Lake =>
  openLake({ home, contracts, notifier: { notify: async () => undefined } });

function land({ landing }: Lake, name: string): void {
  const path = join(landing.root, 'shop/2026-01-31', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `id,pieces,amount\n${ROWS}`);
}

async function run(lake: Lake): Promise<void> {
  const { landing, stores, ledger, notifier } = lake;
  const ports = { landing, raw: stores.raw, ledger, notifier };
  const place = { bucket: 'landing', own: true, route: router(lake.datasets) };
  const worker = { services: lake, ports, start: (dataset: string) => runStateMachine(lake, dataset) };
  expect((await work(worker, place)).failed).toEqual([]);
}

async function onlyFile({ ledger }: Lake): Promise<FileEntry> {
  for await (const file of allFiles(ledger)) if (file.state === 'published') return file;
  throw new Error('no file is published');
}

/** What `quarantine release --rows` does. */
async function mend(lake: Lake): Promise<void> {
  const file = await onlyFile(lake);
  const row = (pieces: string) =>
    new Map([[1, new Map(Object.entries({ id: '1', pieces, amount: '1.00' }))]]);
  const rows = { shown: row('x'), given: row('7'), unread: new Set<number>() };
  const corrected = await correctedCopy(lake, datasetOf(lake, ID), file, rows);
  await requestReplay(lake, { dataset: ID, files: [{ fileId: file.fileId, corrected }] }, 'test');
  await runStateMachine(lake, ID);
  expect((await onlyFile(lake)).counts).toMatchObject({ published: 2, quarantined: 0 });
}

async function mended(): Promise<Lake> {
  const lake = open(join(folder, randomUUID()));
  land(lake, 'a.csv');
  await run(lake);
  await mend(lake);
  return lake;
}

test('a file with mended rows is loaded again under another contract', async () => {
  const { home } = await mended();
  const contracts = join(folder, 'contracts');
  cpSync(join(CASE, 'contract.odcs.yaml'), join(contracts, 'contract.odcs.yaml'));
  const text = readFileSync(join(CASE, 'contract.odcs.yaml'), 'utf8');
  writeFileSync(join(contracts, 'contract.odcs.yaml'), text.replace('version: 1.0.0', 'version: 1.1.0'));
  const lake = open(home, contracts);
  const { id } = await requestReplay(lake, await draftReplay(lake, [await onlyFile(lake)]), 'test');
  await runStateMachine(lake, ID);
  expect(await replayOf(lake.ledger, ID, id)).toMatchObject({ state: 'done', reasons: [] });
  expect(await onlyFile(lake)).toMatchObject({ contractVersion: '1.1.0', counts: { published: 2 } });
});

test('the bytes of a file whose rows were mended may land once more: landing is emptied', async () => {
  const lake = await mended();
  land(lake, 'b.csv');
  await run(lake);
  expect(await Array.fromAsync(lake.landing.list(''))).toEqual([]);
});

test('rows may be mended before landing is emptied', async () => {
  const lake = open(join(folder, randomUUID()));
  land(lake, 'a.csv');
  const busy = { ...lake.landing, remove: () => Promise.reject(new Error('killed')) };
  await expect(run({ ...lake, landing: busy })).rejects.toThrow('killed');
  await mend(lake);
  await run(lake);
  expect(await Array.fromAsync(lake.landing.list(''))).toEqual([]);
});

test('the doctor knows the copy of what landed beside the mended one', async () => {
  const lake = await mended();
  const later = { ...lake, clock: { now: () => new Date(Date.now() + 7_200_000) } };
  await run(lake);
  expect(await diagnose(later, { landing: lake.landing, mend: false })).toEqual([]);
});
