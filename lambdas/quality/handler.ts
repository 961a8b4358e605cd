import { ledgerOf, notifierOf, queryEngineOf } from '../../lib/adapters/aws/lake.ts';
import { readDatasets } from '../../lib/adapters/local/compiled-contracts.ts';
import { TerminalError } from '../../lib/errors.ts';
import { type DailyFinding, dailyFindings, digest } from '../../lib/quality/daily.ts';
import { read } from '../environment.ts';
import { handle } from '../shared/handle.ts';
import { counted } from '../shared/telemetry.ts';

const settings = read(['ledgerTable', 'topicArn', 'workgroup', 'datasets']);
const ports = {
  ledger: ledgerOf(settings),
  queryEngine: queryEngineOf(settings),
  datasets: readDatasets(settings.datasets),
};
const notifier = counted(notifierOf(settings));

/** The schedule's event says when it fired; the day before, in UTC, is looked at. */
export const handler = handle<{ readonly time: string }, readonly DailyFinding[]>(async ({ time }) => {
  const fired = Date.parse(time);
  if (Number.isNaN(fired))
    throw new TerminalError(
      'the event has no time; start it as the schedule does: { "time": "2026-11-21T06:00:00Z" }',
      {
        fault: 'headgate',
      },
    );
  const day = new Date(fired - 86_400_000).toISOString().slice(0, 10);
  const findings = await dailyFindings(ports, day);
  await notifier.notify(digest(day, findings));
  return findings;
});
