import { datasetId } from '../contract/dataset.ts';
import { isUnfinished } from '../contract/landing-pattern.ts';
import { copyName, isCorrection } from '../intake/raw-keys.ts';
import { type FileEntry, type LockEntry, partitions, type RunEntry } from '../ledger/entries.ts';
import { everything, knownDatasets } from '../ledger/everything.ts';
import { changeFiles, fileOf } from '../ledger/files.ts';
import { isOrphaned } from '../ledger/locks.ts';
import { runOf } from '../ledger/runs.ts';
import { adding, differenceOf, Sum, summaryOf } from '../ledger/summary.ts';
import type { TableName } from '../ports/catalog.ts';
import type { ObjectInfo, ObjectStore } from '../ports/object-store.ts';
import { filesOfDataset } from '../reports/ledger-tables.ts';
import { deadlineOf, hasSets, openSetsOf, type SetDataset } from '../sets/sets.ts';
import { movedTables, relocate } from '../table/relocate.ts';
import { ancestors, RUN_ID } from '../table/snapshots.ts';
import { loadTable, type Table } from '../table/table.ts';
import { tablePorts } from './context.ts';
import { missingFiles, type TableOf, tablesOf } from './maintain.ts';
import type { Services } from './services.ts';
import { hashOf } from './settle.ts';

export interface Finding {
  readonly what: string;
  /** The command, or the deed, that mends it. */
  readonly mend: string;
}

export interface DiagnosisOptions {
  readonly landing: ObjectStore;
  /** Mends what only the ledger's own lists are wrong about. */
  readonly mend: boolean;
}

const RUN = 'headgate run';
const MATCH = 'headgate match run';
const MEND = 'headgate doctor --mend';

interface OpenRun {
  readonly dataset: string;
  readonly runId: string;
}

interface OpenReplay {
  readonly dataset: string;
  readonly id: string;
}

/** What is inconsistent between ledger, catalogue and storage. Reads everything: minutes where there are millions of files. */
export async function diagnose(services: Services, options: DiagnosisOptions): Promise<readonly Finding[]> {
  const moved = await ofPlace(services, options);
  if (moved.some(({ mend }) => mend !== 'mended')) return moved;
  const datasets = await knownDatasets(services.ledger);
  const findings: Finding[] = [...moved];
  const rawKeys = new Set<string>();
  for (const dataset of datasets) {
    findings.push(...(await ofFiles(services, dataset, rawKeys, options)));
    findings.push(...(await ofLists(services, dataset, options)));
  }
  for (const dataset of services.datasets) {
    if (hasSets(dataset)) findings.push(...(await ofSets(services, dataset)));
    for (const table of await tablesOf(services, dataset))
      findings.push(...(await ofTable(services, datasetId(dataset), table)));
  }
  return [
    ...findings,
    ...(await ofRaw(services, rawKeys)),
    ...(await ofLanding(services, options.landing)),
    ...(await ofWork(services)),
  ];
}

/** A lake that was moved or copied: its tables can't be read before they name its new place. */
async function ofPlace(
  { catalog, ledger, stores }: Services,
  { mend }: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const storeOf = ({ database }: TableName) => (database.endsWith('_vault') ? stores.vault : stores.lake);
  const moved = await movedTables({ catalog, storeOf });
  const [first] = moved;
  if (first === undefined) return [];
  const what = `${moved.length} tables name files in ${first.from}, and lie in ${first.store.root}`;
  if (!mend) return [{ what, mend: `${MEND}, where the lake was moved or copied` }];
  for await (const { body } of everything<OpenRun>(ledger, { partition: partitions.openRuns })) {
    const { runId, state } = await runOf(ledger, body.dataset, body.runId);
    // The files that it has written are named in its result, at the old place.
    if (state !== 'executed' && state !== 'publishing') continue;
    const back = `move the lake back to where it was, ${RUN}, and move it then`;
    return [{ what: `${what}; run ${runId} of ${body.dataset} was cut off before`, mend: back }];
  }
  for (const table of moved) await relocate(catalog, table);
  return [{ what, mend: 'mended' }];
}

async function ofFiles(
  services: Services,
  dataset: string,
  rawKeys: Set<string>,
  { mend }: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const { ledger, stores } = services;
  const findings: Finding[] = [];
  const described = services.datasets.some((each) => datasetId(each) === dataset);
  const counted = new Sum();
  const copies = new Map<string, string>();
  for await (const file of filesOfDataset(ledger, dataset)) {
    counted.add(file);
    rawKeys.add(file.rawKey);
    // What landed stays beside its copy with mended rows.
    if (isCorrection(file.rawKey)) rawKeys.add(copyName(file));
    const name = `file ${file.fileId} of ${dataset}`;
    const copy = await stores.raw.stat(file.rawKey);
    if (copy === undefined)
      findings.push({ what: `${name} has no copy in raw`, mend: 'restore raw from your backup' });
    else if (copy.etag !== file.rawEtag) {
      if (!mend || (await isCopy(stores.raw, file, copy))) copies.set(file.fileId, copy.etag);
      else findings.push({ what: `${name} has other bytes in raw`, mend: 'restore raw from your backup' });
    }
    if (file.state !== 'admitted') continue;
    if (!described) {
      const what = `${name} waits, but no contract describes ${dataset}`;
      findings.push({ what, mend: 'put the contract back' });
    }
    if ((await ledger.get(partitions.pending(dataset), file.fileId)) !== undefined) continue;
    findings.push({ what: `${name} waits in no list`, mend: mend ? 'mended' : MEND });
    // Writing it as it is puts it back among the pending.
    if (mend) await changeFiles(ledger, dataset, [file.fileId], (now) => ({ ...now }));
  }
  if (copies.size > 0) {
    const what = `${copies.size} files of ${dataset} have copies in raw that were written anew, from a backup or with the whole lake`;
    findings.push({ what, mend: mend ? 'mended' : MEND });
  }
  if (mend)
    await changeFiles(ledger, dataset, [...copies.keys()], (file) => {
      const rawEtag = copies.get(file.fileId);
      return rawEtag === undefined ? undefined : { ...file, rawEtag };
    });
  const difference = differenceOf(counted.total(), await summaryOf(ledger, dataset));
  if (Object.keys(difference).length === 0) return findings;
  if (mend) await ledger.transact(adding(dataset, difference, 'mended'));
  const what = `the summary of ${dataset} differs from its files in ${Object.keys(difference).join(', ')}`;
  return [...findings, { what, mend: mend ? 'mended' : MEND }];
}

/** A correction has no hash of its own on record. */
async function isCopy(raw: ObjectStore, file: FileEntry, { key, bytes, etag }: ObjectInfo): Promise<boolean> {
  return isCorrection(key) ? bytes === file.bytes : (await hashOf(raw, key, etag)) === file.sha256;
}

/** Entries of the pending list whose file waits no more. */
async function ofLists(
  { ledger }: Services,
  dataset: string,
  { mend }: DiagnosisOptions,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const partition = partitions.pending(dataset);
  for await (const { sort } of everything(ledger, { partition })) {
    const file = await fileOf(ledger, dataset, sort);
    if (file?.state === 'admitted') continue;
    findings.push({
      what: `file ${sort} of ${dataset} is listed as waiting and is ${file?.state ?? 'unknown'}`,
      mend: mend ? 'mended' : MEND,
    });
    if (mend) await ledger.transact([{ kind: 'delete', partition, sort }]);
  }
  return findings;
}

/** Sets that wait longer than their contract allows. */
async function ofSets({ ledger, clock }: Services, dataset: SetDataset): Promise<readonly Finding[]> {
  const overdue = (await openSetsOf(ledger, dataset)).filter(
    (verdict) => deadlineOf(dataset, verdict) <= clock.now(),
  );
  return overdue.map(({ set, lacks }) => ({
    what: `the set ${set} of ${datasetId(dataset)} is incomplete (file.incomplete_set): ${lacks}`,
    mend: 'send what it lacks, or a manifest without it',
  }));
}

async function ofTable(
  services: Services,
  dataset: string,
  { output, table: name }: TableOf,
): Promise<readonly Finding[]> {
  const ports = tablePorts(services, output);
  const table = await loadTable(ports, name);
  if (table === undefined) return [];
  const called = `${name.database}.${name.name}`;
  const findings: Finding[] = [];
  for (const path of await missingFiles(ports, table))
    findings.push({
      what: `data file ${path} of ${called} is gone`,
      mend: `restore it from your backup, or headgate rollback ${dataset} --to SNAPSHOT and headgate replay`,
    });
  // A rollback leaves the vault as it is: what it took back may be replayed, and meets its originals again.
  const mayStand = output === 'vault' ? (run: RunEntry) => stands(run) || run.state === 'withdrawn' : stands;
  return [...findings, ...(await ofSnapshots(services, { dataset, called, table, mayStand }))];
}

interface Line {
  readonly dataset: string;
  readonly called: string;
  readonly table: Table;
  readonly mayStand: (run: RunEntry) => boolean;
}

async function ofSnapshots(
  services: Services,
  { dataset, called, table, mayStand }: Line,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const snapshot of ancestors(table)) {
    const id = String(snapshot['snapshot-id']);
    const runId = snapshot.summary[RUN_ID];
    // Compactions, and what takes an abandoned run's rows back, are no runs.
    if (/^(compact|undo)-/.test(runId ?? '')) continue;
    const run =
      runId === undefined ? undefined : await runOf(services.ledger, dataset, runId).catch(() => undefined);
    const parent = snapshot['parent-snapshot-id'];
    const mend = `look at it, then headgate rollback ${dataset} --to ${parent === undefined ? 'none' : String(parent)}`;
    if (run === undefined)
      findings.push({ what: `snapshot ${id} of ${called} was made by no run of the ledger`, mend });
    else if (!mayStand(run))
      findings.push({
        what: `snapshot ${id} of ${called} stands, but its run ${run.runId} is ${run.state}`,
        mend,
      });
  }
  return findings;
}

const stands = ({ state }: RunEntry): boolean => state === 'published' || state === 'publishing';

const AN_HOUR = 60 * 60 * 1000;

/** Copies that no entry names. An intake that is at work has one for a moment. */
async function ofRaw(
  { stores, clock, ledger }: Services,
  known: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  const corrected = new Set<string>();
  for await (const { body } of everything<OpenReplay>(ledger, { partition: partitions.openReplays })) {
    const replay = await ledger.get<{
      files: readonly { corrected?: { key: string }; entry?: { rawKey: string } }[];
    }>(partitions.replays(body.dataset), body.id);
    for (const file of replay?.body.files ?? [])
      corrected.add(file.corrected?.key ?? file.entry?.rawKey ?? '');
  }
  const findings: Finding[] = [];
  for await (const { key, modified } of stores.raw.list('')) {
    const isKnown = known.has(key) || known.has(key.slice(key.lastIndexOf('/') + 1)) || corrected.has(key);
    if (isKnown || clock.now().getTime() - modified.getTime() < AN_HOUR) continue;
    findings.push({
      what: `${key} lies in raw and no file of the ledger is it`,
      mend: isCorrection(key)
        ? 'an earlier or refused correction; it may be removed'
        : `${RUN} takes what landed in again; if landing no longer holds it, put these bytes there`,
    });
  }
  return findings;
}

async function ofLanding({ ledger }: Services, landing: ObjectStore): Promise<readonly Finding[]> {
  const settling = await Array.fromAsync(
    everything<{ dataset: string; fileId: string }>(ledger, { partition: partitions.settling }),
  );
  const held = new Set<string>();
  for (const { body } of settling) {
    const file = await fileOf(ledger, body.dataset, body.fileId);
    // It stays until somebody has decided on its batch, whatever is run.
    if (file?.state === 'held') held.add(`${file.etag} ${file.key}`);
  }
  let waiting = 0;
  for await (const { key, etag } of landing.list('')) {
    if (!isUnfinished(key) && !held.has(`${etag} ${key}`)) waiting++;
  }
  const known = settling.length - held.size;
  if (waiting === 0 && known === 0) return [];
  return [{ what: `${waiting} objects lie in landing, ${known} of them are known`, mend: RUN }];
}

async function ofWork(services: Services): Promise<readonly Finding[]> {
  const { ledger } = services;
  const findings: Finding[] = [];
  for await (const { body } of everything<OpenRun>(ledger, { partition: partitions.openRuns }))
    findings.push({ what: `run ${body.runId} of ${body.dataset} is not finished`, mend: RUN });
  for await (const { body } of everything<OpenReplay>(ledger, { partition: partitions.openReplays }))
    findings.push({ what: `replay ${body.id} of ${body.dataset} waits for a run`, mend: RUN });
  for await (const { body } of everything<LockEntry>(ledger, { partition: partitions.locks })) {
    if (await isOrphaned(services, body.dataset))
      findings.push({
        what: `the lock of ${body.dataset} belongs to an execution that has ended`,
        // Else it is that of an entity.
        mend: services.datasets.some((each) => datasetId(each) === body.dataset) ? RUN : MATCH,
      });
  }
  return findings;
}
