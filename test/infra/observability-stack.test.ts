import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import type { ArrivalCalendar, Dataset } from '../../lib/contract/dataset.ts';
import { ALARM_KINDS } from '../../lib/infra/alarms.ts';
import { promisedHours } from '../../lib/infra/dataset-alarms.ts';
import { messageOf } from '../../lib/notices/message.ts';
import { ROOT } from '../support/headgate.ts';
import { configOf, DOMAINS, resourcesOf, stacksOf } from '../support/stacks.ts';

const { observability } = stacksOf({ ...configOf('dev'), dashboards: true });
const template = Template.fromStack(observability);
const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties);
const composites = resourcesOf(template, 'AWS::CloudWatch::CompositeAlarm').map(
  ({ Properties }) => Properties,
);
const nameOf = ({ AlarmName }: Readonly<Record<string, unknown>>) =>
  String(AlarmName).replace('headgate-dev-', '');
const alarm = (name: string) => alarms.find((each) => nameOf(each) === name);

/** A text that CloudFormation puts together. */
const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : ((value as { 'Fn::Join': [string, readonly unknown[]] })['Fn::Join'][1] ?? [])
        .map((part) => (typeof part === 'string' ? part : 'x'))
        .join('');

describe('alarms', () => {
  test('there is one of every kind, and each of the issue’s faults has its kind', () => {
    const kinds = Object.keys(ALARM_KINDS);
    const found = [...alarms, ...composites].map((each) =>
      kinds.find((kind) => nameOf(each) === kind || nameOf(each).startsWith(`${kind}-`)),
    );
    expect([...new Set(found)].sort()).toEqual(kinds.sort());
  });

  test('each says what to do, names its chapter of the runbook and where to look, as the chat shows it', () => {
    for (const each of [...alarms, ...composites]) {
      const event = {
        AlarmName: each.AlarmName,
        NewStateValue: 'ALARM',
        AlarmDescription: textOf(each.AlarmDescription),
      };
      const message = messageOf(JSON.stringify(event));
      expect(message?.advice?.length).toBeGreaterThan(20);
      expect(message?.links.map(({ text }) => text)).toEqual(['runbook', 'where to look']);
    }
  });

  test('the runbook has a chapter for each kind and no other', () => {
    const runbook = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
    const chapters = [...runbook.matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
    expect(chapters).toEqual(Object.keys(ALARM_KINDS));
  });

  test('signs of one cause are told by one composite alarm', () => {
    expect(
      composites.map((each) => [nameOf(each), textOf(each.AlarmRule).match(/ALARM\(/g)?.length]),
    ).toEqual([
      ['intake-stuck', 4],
      ['runs-failing', 3],
    ]);
    const silent = alarms.filter(({ AlarmActions }) => AlarmActions === undefined).map(nameOf);
    expect(silent.sort()).toEqual([
      'dead-letters',
      'function-errors',
      'function-throttles',
      'glue-waiting',
      'oldest-event',
      'publish-conflict',
      'run-failed',
    ]);
  });

  test('the first failure is enough, and silence of the sweeper is a failure', () => {
    for (const name of ['run-failed', 'dead-letters', 'publish-conflict', 'function-errors'])
      expect(alarm(name)).toMatchObject({
        Threshold: 1,
        EvaluationPeriods: 1,
        TreatMissingData: 'notBreaching',
      });
    expect(alarm('sweeper-stopped')).toMatchObject({
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  test('a sweep or a daily look that waits for the one before wakes nobody', () => {
    const named = JSON.stringify(alarm('function-throttles')?.Metrics);
    const functions = [...named.matchAll(/(?:GetAtt|Ref)([A-Z][a-z]+)Function/g)];
    expect(functions.map(([, name]) => name).sort()).toEqual(['Execute', 'Intake']);
  });

  test('freshness is what the contract promises: files every day, there within two hours', () => {
    expect(alarm('freshness-missed-payments-transactions')).toMatchObject({
      EvaluationPeriods: 26,
      DatapointsToAlarm: 26,
      Period: 3600,
      TreatMissingData: 'breaching',
      MetricName: 'run.published',
      Dimensions: [
        { Name: 'dataset', Value: 'payments/transactions' },
        { Name: 'service', Value: 'headgate-dev' },
      ],
    });
  });

  test('what a calendar says is due, and sets, have an alarm of their own', () => {
    expect(alarm('arrival-missing-retail-sales')).toMatchObject({
      Threshold: 1,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
      Metrics: expect.arrayContaining([
        expect.objectContaining({
          MetricStat: expect.objectContaining({
            Metric: expect.objectContaining({ MetricName: 'arrival.missing' }),
          }),
        }),
      ]),
    });
  });

  test('a promise in a unit that is not known stops the deploy, one that is longer than CloudWatch looks back has no alarm', () => {
    const dataset = (value: number, unit: string) =>
      ({ domain: 'a', name: 'b', service: [{ property: 'frequency', value, unit }] }) as unknown as Dataset;
    expect(() => promisedHours(dataset(1, 'fortnight'))).toThrow(/a\/b promises frequency 1 fortnight/);
    expect(promisedHours(dataset(8, 'd'))).toBeUndefined();
    expect(promisedHours(dataset(6, 'h'))).toBe(6);
  });

  test('freshness is missed on no day without files, nor in the night when clocks are set back', () => {
    // Files of Friday come on Saturday, those of Sunday on Monday: two days, six hours of latency, an hour of London.
    expect(alarm('freshness-missed-retail-sales')).toMatchObject({ EvaluationPeriods: 55 });
    const hours = (calendar: Partial<ArrivalCalendar>, value = 1, unit = 'd') =>
      promisedHours({
        domain: 'a',
        name: 'b',
        service: [{ property: 'frequency', value, unit }],
        arrivals: { timezone: 'UTC', days: 'daily', holidays: [], lagDays: 1, ...calendar },
      } as unknown as Dataset);
    expect(hours({})).toBe(24);
    expect(hours({}, 6, 'h')).toBe(6);
    expect(hours({ days: 'weekdays' })).toBe(72);
    expect(hours({ days: 'weekdays' }, 6, 'h')).toBe(54);
    // Good Friday and Easter Monday.
    expect(hours({ days: 'weekdays', holidays: ['2026-04-03', '2026-04-06'] })).toBe(120);
    expect(hours({ days: ['mon'] }, 1, 'w')).toBe(168);
    expect(hours({ days: 'monthEnd' })).toBeUndefined();
  });

  test('Slack not being told is told by mail', () => {
    const topics = JSON.stringify(alarm('notices-undelivered')?.AlarmActions);
    expect(topics).toContain('Fallback');
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email' });
  });
});

test('every domain has its dashboard', () => {
  const names = resourcesOf(template, 'AWS::CloudWatch::Dashboard').map(
    ({ Properties }) => Properties.DashboardName,
  );
  expect(names.length).toBeGreaterThanOrEqual(3);
  expect(names).toEqual(DOMAINS.map((domain) => `headgate-dev-${domain}`));
});

test('a month that costs more than the budget, or is to, is told', () => {
  const [budget] = resourcesOf(template, 'AWS::Budgets::Budget');
  expect(budget?.Properties.Budget).toMatchObject({
    BudgetLimit: { Amount: 50, Unit: 'USD' },
    TimeUnit: 'MONTHLY',
  });
  expect(budget?.Properties.NotificationsWithSubscribers).toHaveLength(2);
});

test('costs out of the ordinary are watched only where the account pays the bill, as others may not', () => {
  template.resourceCountIs('AWS::CE::AnomalyMonitor', 0);
  const config = configOf('dev');
  const paying = stacksOf({ ...config, budget: { ...config.budget, anomalies: true } });
  Template.fromStack(paying.observability).resourceCountIs('AWS::CE::AnomalySubscription', 1);
});
