import * as z from 'zod/mini';
import { TerminalError } from '../errors.ts';
import { jsonOf } from '../json.ts';
import type { Notice } from '../ports/notifier.ts';

/** What a person reads, whatever brings it: what happened, to what, since when, what to do, where to look. */
export interface PersonalMessage {
  readonly severity: 'good' | 'look' | 'act';
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  /** ISO 8601. */
  readonly since?: string;
  /** What to do, in a sentence. */
  readonly advice?: string;
  /** A command to run. */
  readonly command?: string;
  readonly links: readonly { readonly text: string; readonly url: string }[];
}

const SEVERITY: Readonly<Record<Notice['kind'], PersonalMessage['severity']>> = {
  'run.published': 'good',
  'file.quarantined': 'look',
  'run.unusual': 'look',
  'run.held': 'act',
  'run.failed': 'act',
  'set.incomplete': 'act',
  'arrival.missing': 'act',
  'quality.digest': 'look',
  'schema.changed': 'look',
};

/** Published runs are no news; everything else is told. */
const QUIET: readonly Notice['kind'][] = ['run.published'];

interface AlarmEvent {
  readonly AlarmName: string;
  readonly AlarmDescription?: string | null;
  readonly NewStateValue: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA';
  readonly NewStateReason?: string;
  readonly StateChangeTime?: string;
  readonly Region?: string;
  readonly AlarmArn?: string;
}

/**
 * Text of an SNS message, a notice of ours or a change of a CloudWatch alarm; undefined for what nobody needs to read.
 * @throws TerminalError for anything else
 */
export function messageOf(text: string): PersonalMessage | undefined {
  const content = jsonOf(text);
  if (isAlarm(content))
    return content.NewStateValue === 'INSUFFICIENT_DATA' ? undefined : alarmMessage(content);
  if (isNotice(content)) return QUIET.includes(content.kind) ? undefined : noticeMessage(content);
  throw new TerminalError('a message of the topic is neither a notice nor an alarm', { fault: 'headgate' });
}

const alarm = z.object({
  AlarmName: z.string(),
  AlarmDescription: z.nullish(z.string()),
  NewStateValue: z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']),
  NewStateReason: z.optional(z.string()),
  StateChangeTime: z.optional(z.string()),
  Region: z.optional(z.string()),
  AlarmArn: z.optional(z.string()),
});

const notice = z.object({
  kind: z.enum(Object.keys(SEVERITY) as Notice['kind'][]),
  dataset: z.string(),
  title: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
  next: z.optional(z.string()),
});

const isAlarm = (content: unknown): content is AlarmEvent => alarm.safeParse(content).success;

const isNotice = (content: unknown): content is Notice => notice.safeParse(content).success;

const noticeMessage = ({ kind, title, facts, dataset, next }: Notice): PersonalMessage => ({
  severity: SEVERITY[kind],
  title,
  facts: [
    ['dataset', dataset],
    ...Object.entries(facts).map(([name, value]) => [name, String(value)] as const),
  ],
  ...(next === undefined ? {} : { command: next }),
  links: [],
});

const LINK = /https:\/\/[^\s)>\]]+/g;

/** An alarm's description holds what to do and the links of its runbook and console; its console page is added. */
function alarmMessage(alarm: AlarmEvent): PersonalMessage {
  const { AlarmName, AlarmDescription, NewStateValue, NewStateReason = '', StateChangeTime } = alarm;
  const description = AlarmDescription ?? '';
  const region = /^arn:[^:]+:cloudwatch:([^:]+):/.exec(alarm.AlarmArn ?? '')?.[1];
  const console = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#alarmsV2:alarm/${encodeURIComponent(AlarmName.toWellFormed())}`;
  const advice = description.replace(LINK, '').replace(/\s+/g, ' ').trim();
  return {
    severity: NewStateValue === 'ALARM' ? 'act' : 'good',
    title: `${AlarmName} ${NewStateValue === 'ALARM' ? 'is in alarm' : 'is well again'}`,
    facts: NewStateReason === '' ? [] : [['why', NewStateReason]],
    ...(StateChangeTime === undefined ? {} : { since: StateChangeTime }),
    ...(advice === '' ? {} : { advice }),
    links: [
      ...(description.match(LINK) ?? []).map((url) => ({
        text: url.includes('runbook') ? 'runbook' : 'where to look',
        url,
      })),
      ...(region === undefined ? [] : [{ text: 'alarm', url: console }]),
    ],
  };
}
