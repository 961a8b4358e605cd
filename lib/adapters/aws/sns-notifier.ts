import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notice, Notifier } from '../../ports/notifier.ts';
import { asking } from './errors.ts';

export interface SnsNotifierOptions {
  readonly client: SNSClient;
  readonly topicArn: string;
}

/** A message has 256 KB; a notice is for people. */
const FACT_CHARACTERS = 2_000;

/** Publishes each notice as JSON; what subscribes makes messages of it. */
export const snsNotifier = ({ client, topicArn }: SnsNotifierOptions): Notifier => ({
  async notify(notice) {
    const text = (value: string) => ({ DataType: 'String', StringValue: value });
    await asking(`notice to ${topicArn}`, () =>
      client.send(
        new PublishCommand({
          TopicArn: topicArn,
          Message: JSON.stringify(shortened(notice)),
          MessageAttributes: { kind: text(notice.kind), dataset: text(notice.dataset) },
        }),
      ),
    );
  },
});

const cut = <Value>(value: Value): Value | string =>
  typeof value === 'string' && value.length > FACT_CHARACTERS ? `${value.slice(0, FACT_CHARACTERS)}…` : value;

const shortened = (notice: Notice): Notice => ({
  ...notice,
  title: cut(notice.title),
  facts: Object.fromEntries(Object.entries(notice.facts).map(([name, value]) => [name, cut(value)])),
});
