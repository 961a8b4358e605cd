import type { Dataset } from '../contract/dataset.ts';
import { numberFormatOf, plainDigits } from '../contract/number-format.ts';
import { asSent } from '../contract/sources.ts';
import { typeText } from '../contract/widening.ts';
import { TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/file-profile.ts';
import type { FileEntry, Reason, TypeDrift } from '../ledger/entries.ts';
import { columnOf } from '../plan/checks.ts';
import type { FileTally, OutputName, OutputResult, Plan, RunResult } from '../plan/plan.ts';
import { gate } from '../quality/gate.ts';
import { resultsOf } from '../quality/results.ts';
import { qualityOf } from '../quality/score.ts';
import { volumeFindings } from '../quality/volume.ts';
import { plannedFiles } from './batch.ts';
import { datasetOf, runContext } from './context.ts';
import { loadDocument } from './documents.ts';
import { neededTypes, recordDrift } from './drift.ts';
import type { Isolated, Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/**
 * Holds the engine's tallies against intake's counts, then asks the quality gate. A file that does not balance is taken out of the batch; a
 * run whose outputs do not add up publishes nothing.
 */
export async function verify(services: Services, message: RunMessage): Promise<Message> {
  const { run, lock, save } = await runContext(services, message);
  const dataset = datasetOf(services, message.dataset);
  const { results } = services.stores;
  const plan = await loadDocument(results, message.dataset, run.runId, 'plan');
  const result = await loadDocument(results, message.dataset, run.runId, 'result');
  const files = await plannedFiles(services, run, plan);
  const isolate = files.flatMap((file) => fileProblems(dataset, file, plan, result));
  if (isolate.length > 0) return { ...message, next: 'isolate', isolate };
  requireBalance(plan, result);
  const needed = neededTypes(dataset, files, plan, result, services.clock.now());
  if (needed.length > 0) {
    await recordDrift(services, dataset, needed, lock);
    return { ...message, next: 'abandon', error: wider(needed) };
  }
  // A replay brings what has been judged when it came.
  const volumes = run.replay === undefined ? await volumeFindings(services.ledger, dataset, files) : [];
  const unusual = volumes.filter(({ kind }) => kind === 'unusual').map(({ reason }) => reason);
  const holds = [
    ...gate(dataset, files, result),
    ...emptied(dataset, files, plan, result),
    ...(dataset.volume?.onAnomaly === 'hold' ? unusual : []),
  ];
  const reasons = holds.length > 0 ? holds : volumes.map(({ reason }) => reason);
  if (holds.length > 0) {
    const checks = resultsOf(plan, dataset.batchChecks, result);
    await save({ reasons, checks, quality: qualityOf(result.tallies) });
    return { ...message, next: 'hold' };
  }
  if (reasons.length > 0) await save({ reasons });
  return { ...message, next: 'publish' };
}

/** An extract that failed looks like a table that has become empty: somebody decides, unless the contract has. */
function emptied(
  { writeMode, replaceByEmpty }: Dataset,
  files: readonly FileEntry[],
  { target }: Plan,
  { outputs }: RunResult,
): readonly Reason[] {
  const decided = replaceByEmpty === 'accept' || files.every(({ waivedBy }) => waivedBy !== undefined);
  if (writeMode !== 'replace' || decided) return [];
  const curated = outputs.find(({ name }) => name === 'curated');
  const before = (target?.files ?? []).reduce((sum, { rows }) => sum + rows, 0);
  const goes = curated !== undefined && curated.files.length === 0 && curated.removes.length > 0;
  if (!goes || curated.removes.length < (target?.files.length ?? 0)) return [];
  return [
    {
      code: 'batch.empties_table',
      message: `the newest file has no good rows and would leave the table without any, it has ${before}; allowed with replaceByEmpty: accept`,
    },
  ];
}

/** The batch is planned again, on columns that hold its values. */
const wider = (needed: readonly TypeDrift[]): NonNullable<Message['error']> => ({
  Error: 'SchemaChanged',
  Cause: `values need wider columns: ${needed.map(({ column, type }) => `${column} ${typeText(type)}`).join(', ')}; the next run plans the batch again`,
});

function fileProblems(dataset: Dataset, file: FileEntry, plan: Plan, result: RunResult): readonly Isolated[] {
  const tally = result.tallies.find(({ fileId }) => fileId === file.fileId);
  if (tally === undefined)
    throw new TerminalError(`run ${result.runId} has no tally of file ${file.fileId}`, { fault: 'headgate' });
  const isolated = (code: string, message: string) => [{ fileId: file.fileId, code, message }];
  if (tally.parsed !== file.counts.received) {
    return isolated(
      'file.count_mismatch',
      `intake counted ${file.counts.received} records, the engine ${tally.parsed}; report it with the file`,
    );
  }
  const sum = controlSum(asSent(dataset, file.key), file, tally);
  if (sum !== undefined) return isolated('file.control_total', sum);
  const rule = plan.checks.find(({ key, action }) => action === 'rejectFile' && (tally.checks[key] ?? 0) > 0);
  if (rule === undefined) return [];
  return isolated(
    'file.rejected_by_rule',
    `${rule.key} fails for ${tally.checks[rule.key]} rows and rejects the file; send a corrected one`,
  );
}

function controlSum(dataset: Dataset, file: FileEntry, tally: FileTally): string | undefined {
  const sum = dataset.format.kind === 'csv' ? dataset.format.trailer?.sum : undefined;
  if (sum === undefined) return undefined;
  const { type } = columnOf(dataset, sum.column);
  const stated = (file.profile as FileProfile).trailer?.[sum.field] ?? '';
  if (canonical(plainDigits(stated, numberFormatOf(type))) === canonical(tally.controlSum ?? '0'))
    return undefined;
  return `the sum of ${sum.column} differs from the one in the trailer; the file may be cut off or changed, send it again`;
}

/** `-0012.500` to `-12.5`: equal numbers have equal texts. */
const canonical = (text: string): string => {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text.trim()) ?? [];
  return `${sign}${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
};

/** The rows of the files that leave a table, by its manifests, are written again or known to be gone. */
function removed(plan: Plan, output: OutputResult): readonly (readonly [string, number, number])[] {
  const { name, removes, kept, lost } = output;
  const replacesWhole = plan.steps.some((step) => step.name === 'replaced_files');
  if (removes.length === 0 || name === 'vault' || (name === 'curated' && replacesWhole)) return [];
  const table = name === 'curated' ? plan.target : plan.sides[name];
  const rows = new Map(table?.files.map((file) => [file.path, file.rows]));
  const leaving = removes.reduce((sum, path) => sum + (rows.get(path) ?? Number.NaN), 0);
  return [[`rows of files that leave ${name}`, leaving, kept + lost]];
}

/** Every row that lost is kept, those of the table and those of withdrawn files too. */
function earlier(
  plan: Plan,
  outputs: readonly OutputResult[],
  deduplicated: number,
  written: number,
): readonly (readonly [string, number, number])[] {
  if (!plan.outputs.some(({ name }) => name === 'earlier')) return [];
  const of = (output: OutputName) => outputs.find(({ name }) => name === output);
  const lost = deduplicated + (of('curated')?.lost ?? 0) + (of('earlier')?.kept ?? 0);
  return [['rows that lost', lost, written]];
}

/** DESIGN promise 1, counted twice: by the tallies and by the rows in the files written. */
function requireBalance(plan: Plan, { runId, tallies, outputs }: RunResult): void {
  const total = (count: (tally: FileTally) => number) =>
    tallies.reduce((sum, tally) => sum + count(tally), 0);
  const written = (name: string) =>
    outputs
      .filter((output) => output.name === name)
      .flatMap(({ files }) => files)
      .reduce((sum, { rows }) => sum + rows, 0);
  const kept = (name: OutputName) => outputs.find((output) => output.name === name)?.kept ?? 0;
  const derived = outputs.find((output) => output.name === 'curated')?.derived ?? 0;
  const equations: (readonly [string, number, number])[] = [
    ...tallies.map(
      ({ fileId, parsed, published, quarantined, deduplicated }) =>
        [`received of ${fileId}`, parsed, published + quarantined + deduplicated] as const,
    ),
    ['published', total(({ published }) => published) + kept('curated') + derived, written('curated')],
    ['quarantined', total(({ quarantined }) => quarantined) + kept('quarantine'), written('quarantine')],
    ...earlier(
      plan,
      outputs,
      total(({ deduplicated }) => deduplicated),
      written('earlier'),
    ),
    ...outputs.flatMap((output) => removed(plan, output)),
  ];
  for (const [what, left, right] of equations) {
    if (left !== right) {
      throw new TerminalError(
        `run ${runId} does not balance: ${what} ${left}, accounted for ${right}; nothing is published`,
        {
          fault: 'headgate',
          facts: { runId, what, left, right },
        },
      );
    }
  }
}
