import type { Dataset } from '../contract/dataset.ts';
import { TerminalError } from '../errors.ts';
import type { FileProfile } from '../formats/profile.ts';
import type { FileEntry, Reason } from '../ledger/entries.ts';
import { filesOf } from '../ledger/files.ts';
import type { FileTally, Plan, RunResult } from '../plan/plan.ts';
import { gate } from '../quality/gate.ts';
import { datasetOf, runContext } from './context.ts';
import { loadDocument } from './documents.ts';
import type { Message, RunMessage } from './message.ts';
import type { Services } from './services.ts';

/**
 * Holds the engine's tallies against intake's counts, then asks the quality gate. A file that does not balance is taken out of the batch; a
 * run whose outputs do not add up publishes nothing.
 */
export async function verify(services: Services, message: RunMessage): Promise<Message> {
  const { run, save } = await runContext(services, message);
  const dataset = datasetOf(services, message.dataset);
  const { results } = services.stores;
  const plan = await loadDocument(results, message.dataset, run.runId, 'plan');
  const result = await loadDocument(results, message.dataset, run.runId, 'result');
  const files = await filesOf(services.ledger, message.dataset, run.files);
  const isolate = files.flatMap((file) => fileProblems(dataset, file, plan, result));
  if (isolate.length > 0) return { ...message, next: 'isolate', isolate };
  requireBalance(result);
  const findings = gate(dataset, files, result);
  if (findings.length === 0) return { ...message, next: 'publish' };
  await save({ reasons: findings });
  return { ...message, next: 'hold' };
}

type Isolated = Reason & { readonly fileId: string };

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
  const sum = controlSum(dataset, file, tally);
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
  const stated = (file.profile as FileProfile).trailer?.[sum.field] ?? '';
  if (canonical(stated) === canonical(tally.controlSum ?? '0')) return undefined;
  return `the sum of ${sum.column} differs from the one in the trailer; the file may be cut off or changed, send it again`;
}

/** `-0012.500` to `-12.5`: equal numbers have equal texts. */
const canonical = (text: string): string => {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text.trim()) ?? [];
  return `${sign}${whole === '' ? '0' : whole}${fraction === '' ? '' : `.${fraction}`}`;
};

/** DESIGN promise 1, counted twice: by the tallies and by the rows in the files written. */
function requireBalance({ runId, tallies, outputs }: RunResult): void {
  const total = (count: (tally: FileTally) => number) =>
    tallies.reduce((sum, tally) => sum + count(tally), 0);
  const written = (name: string) =>
    outputs
      .filter((output) => output.name === name)
      .flatMap(({ files }) => files)
      .reduce((sum, { rows }) => sum + rows, 0);
  const kept = outputs.find(({ name }) => name === 'curated')?.kept ?? 0;
  const equations = [
    [
      'received',
      total(({ parsed }) => parsed),
      total((tally) => tally.published + tally.quarantined + tally.deduplicated),
    ],
    ['published', total(({ published }) => published) + kept, written('curated')],
    ['quarantined', total(({ quarantined }) => quarantined), written('quarantine')],
  ] as const;
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
