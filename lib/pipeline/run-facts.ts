import { TerminalError } from '../errors.ts';
import type { RunEntry } from '../ledger/entries.ts';
import { filesOf } from '../ledger/files.ts';
import type { Plan } from '../plan/plan.ts';
import type { QueryEngine } from '../ports/query-engine.ts';
import { type ColumnFacts, columnFacts } from '../reports/column-facts.ts';
import type { RunFacts } from '../reports/compare-runs.ts';
import { snapshotById } from '../table/snapshots.ts';
import { loadTable } from '../table/table.ts';
import { tablePorts } from './context.ts';
import { loadDocument } from './documents.ts';
import type { Services } from './services.ts';

/** A moment of a table, and the engine that answers for it. `version` stands behind the table's name in statements. */
export interface PastEngine {
  readonly engine: QueryEngine;
  readonly version: string;
}

export type EngineAt = (snapshot: { readonly id: string; readonly time: Date }) => PastEngine;

/** Everything about a run that another one is compared with: entries and documents, and its rows as its snapshot held them. */
export async function runFacts(services: Services, run: RunEntry, engineAt: EngineAt): Promise<RunFacts> {
  const { results } = services.stores;
  const document = <Name extends 'plan' | 'result'>(name: Name) =>
    loadDocument(results, run.dataset, run.runId, name).catch(unlessMissing);
  const [plan, result] = [await document('plan'), await document('result')];
  const files = await filesOf(services.ledger, run.dataset, run.files);
  return { run, files, plan, result, columns: await columnsOf(services, run, plan, engineAt) };
}

const unlessMissing = (error: unknown): undefined => {
  if (!(error instanceof TerminalError)) throw error;
};

async function columnsOf(
  services: Services,
  run: RunEntry,
  plan: Plan | undefined,
  engineAt: EngineAt,
): Promise<Readonly<Record<string, ColumnFacts>> | undefined> {
  const output = plan?.outputs.find(({ name }) => name === 'curated');
  if (output === undefined) return undefined;
  const { table, schema, classified } = output;
  const id = run.snapshots?.[`${table.database}.${table.name}`];
  const now = await loadTable(tablePorts(services, 'curated'), table);
  if (id === undefined || now === undefined) return undefined;
  let time: Date;
  try {
    time = new Date(snapshotById(now, id)['timestamp-ms']);
  } catch (error) {
    return unlessMissing(error);
  }
  const { engine, version } = engineAt({ id, time });
  return columnFacts(engine, { table, runId: run.runId, columns: schema, classified, version });
}
