import type { Reason, RunEntry } from '../ledger/entries.ts';
import { due } from '../ledger/notices.ts';
import type { LedgerWrite } from '../ports/ledger.ts';
import type { Notice } from '../ports/notifier.ts';

const publishedNotice = ({ dataset, runId, files, counts }: RunEntry): Notice => ({
  kind: 'run.published',
  dataset,
  title: `${dataset}: run ${runId} published`,
  facts: { run: runId, files: files.length, ...counts },
  ...(counts !== undefined && counts.quarantined > 0
    ? { next: `headgate quarantine list --dataset ${dataset}` }
    : {}),
});

/** What people are told of a published run: that it is, and what is unusual about it. */
export const noticesOfPublished = (run: RunEntry): readonly LedgerWrite[] => {
  const unusual = run.reasons.filter(({ code }) => code === 'batch.volume');
  const { dataset, runId } = run;
  return [
    due(publishedNotice(run), runId),
    ...(unusual.length === 0
      ? []
      : [
          due(
            {
              kind: 'run.unusual',
              dataset,
              title: `${dataset}: run ${runId} is unusual`,
              facts: { run: runId, reason: unusual.map(({ message }) => message).join('; ') },
              next: `headgate runs show ${runId}`,
            },
            runId,
          ),
        ]),
  ];
};

/** What can be decided about a held batch. A file that waits can't be replaced: first its batch is rejected. */
export const decisionsOn = (run: RunEntry): readonly string[] => {
  const reject = `headgate hold reject ${run.runId}`;
  const replacing = replacementOf(run).map((replay) => `${reject} && ${replay}`);
  return [`headgate hold release ${run.runId}`, reject, ...replacing];
};

/** How a mended file takes the place of one of a rejected batch. A replay that was rejected has changed nothing. */
export const replacementOf = ({ files, replay }: RunEntry): readonly string[] => {
  const [file = ''] = files;
  return replay === undefined
    ? [`headgate replay ${files.length === 1 ? file : 'FILE'} --with MENDED_FILE`]
    : [];
};

export const heldNotice = (run: RunEntry): Notice => ({
  kind: 'run.held',
  dataset: run.dataset,
  title: `${run.dataset}: run ${run.runId} is held`,
  facts: {
    run: run.runId,
    files: run.files.length,
    reason: run.reasons.map((reason) => reason.message).join('; '),
  },
  next: [`headgate hold show ${run.runId}`, ...decisionsOn(run)].join('   or   '),
});

/** `begun`: the next run finishes its publication. */
export const failedNotice = (
  { dataset, runId, files }: RunEntry,
  reason: Reason,
  begun: boolean,
): Notice => ({
  kind: 'run.failed',
  dataset,
  title: `${dataset}: run ${runId} failed`,
  facts: { run: runId, files: files.length, reason: reason.message },
  next: begun ? 'headgate run' : `headgate runs show ${runId}`,
});
