import { json } from 'node:stream/consumers';
import { TerminalError } from '../errors.ts';
import type { Plan, RunResult } from '../plan/plan.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Plans and results are objects; only their run id travels through the state machine (256 KB a message). */
const documentKey = (dataset: string, runId: string, name: 'plan' | 'result'): string =>
  `runs/${dataset}/${runId}/${name}.json`;

interface Documents {
  readonly plan: Plan;
  readonly result: RunResult;
}

export async function storeDocument<Name extends keyof Documents>(
  store: ObjectStore,
  dataset: string,
  name: Name,
  document: Documents[Name],
): Promise<void> {
  await store.write(documentKey(dataset, document.runId, name), Buffer.from(JSON.stringify(document)));
}

/** @throws TerminalError when the run has no such document */
export async function loadDocument<Name extends keyof Documents>(
  store: ObjectStore,
  dataset: string,
  runId: string,
  name: Name,
): Promise<Documents[Name]> {
  const key = documentKey(dataset, runId, name);
  if ((await store.stat(key)) === undefined) {
    throw new TerminalError(`run ${runId} of ${dataset} has no ${name}`, {
      fault: 'headgate',
      facts: { key },
    });
  }
  // Written by `storeDocument` alone, and the type of the document goes with its name.
  return (await json(store.read(key))) as Documents[Name];
}

export const hasResult = async (store: ObjectStore, dataset: string, runId: string): Promise<boolean> =>
  (await store.stat(documentKey(dataset, runId, 'result'))) !== undefined;
