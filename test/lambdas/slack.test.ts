import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { receiver } from '../support/receiver.ts';

process.env.HEADGATE_WEBHOOK_SECRET = 'headgate/test/webhooks';
process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
process.env.AWS_REGION = 'eu-west-1';

/** A function keeps its secret for its life: each test has a function of its own. */
beforeEach(() => {
  jest.resetModules();
});

async function send(addresses: object, ...messages: readonly object[]): Promise<void> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  mockClient(SecretsManagerClient)
    .on(GetSecretValueCommand)
    .resolves({ SecretString: JSON.stringify(addresses) });
  const { handler } = await import('../../lambdas/slack/handler.ts');
  const Records = messages.map((message) => ({ Sns: { Message: JSON.stringify(message) } }));
  await handler({ Records } as never, { functionName: 'slack' } as Context);
}

const held = {
  kind: 'run.held',
  dataset: 'shop/items',
  title: 'shop/items: run R1 is held',
  facts: { run: 'R1', files: 2, reason: '30 % refused, <most> allowed & agreed: 5 %' },
  next: 'headgate hold release R1',
};

const alarm = {
  AlarmName: 'headgate-dev-dlq-not-empty',
  AlarmDescription:
    'Read the message and send it again. https://example.org/runbook#dlq-not-empty https://eu-west-1.console.aws.amazon.com/sqs/v3/home',
  NewStateValue: 'ALARM',
  NewStateReason: 'Threshold Crossed: 1 datapoint [3.0] was greater than the threshold (0.0).',
  StateChangeTime: '2026-01-31T06:12:00.000+0000',
  Region: 'EU (Ireland)',
  AlarmArn: 'arn:aws:cloudwatch:eu-west-1:000000000000:alarm:headgate-dev-dlq-not-empty',
};

describe('the message in Slack', () => {
  test('of a held run says what, why and the command', async () => {
    const server = await receiver();
    await send({ slack: server.url }, held);
    expect(server.deliveries.map(({ body }) => JSON.parse(body))).toEqual([
      {
        text: 'shop/items: run R1 is held',
        blocks: [
          {
            type: 'header',
            text: { type: 'plain_text', text: ':red_circle: shop/items: run R1 is held', emoji: true },
          },
          {
            type: 'section',
            fields: [
              { type: 'mrkdwn', text: '*dataset*\nshop/items' },
              { type: 'mrkdwn', text: '*run*\nR1' },
              { type: 'mrkdwn', text: '*files*\n2' },
              { type: 'mrkdwn', text: '*reason*\n30 % refused, &lt;most&gt; allowed &amp; agreed: 5 %' },
            ],
          },
          { type: 'section', text: { type: 'mrkdwn', text: '*Run:* `headgate hold release R1`' } },
        ],
      },
    ]);
  });

  test('of an alarm says since when, what to do, and where to look', async () => {
    const server = await receiver();
    await send({ slack: server.url }, alarm);
    const link =
      'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/headgate-dev-dlq-not-empty';
    expect(server.deliveries.map(({ body }) => JSON.parse(body))).toEqual([
      {
        text: 'headgate-dev-dlq-not-empty is in alarm',
        blocks: [
          {
            type: 'header',
            text: {
              type: 'plain_text',
              text: ':red_circle: headgate-dev-dlq-not-empty is in alarm',
              emoji: true,
            },
          },
          {
            type: 'section',
            fields: [{ type: 'mrkdwn', text: `*why*\n${alarm.NewStateReason.replace('>', '&gt;')}` }],
          },
          {
            type: 'section',
            text: { type: 'mrkdwn', text: '*What to do:* Read the message and send it again.' },
          },
          {
            type: 'section',
            text: {
              type: 'mrkdwn',
              text: `<https://example.org/runbook#dlq-not-empty|runbook>  ·  <https://eu-west-1.console.aws.amazon.com/sqs/v3/home|where to look>  ·  <${link}|alarm>`,
            },
          },
          { type: 'context', elements: [{ type: 'mrkdwn', text: `since ${alarm.StateChangeTime}` }] },
        ],
      },
    ]);
  });

  test('is not sent for a run that was published or an alarm that knows nothing yet', async () => {
    const server = await receiver();
    await send(
      { slack: server.url },
      { ...held, kind: 'run.published' },
      { ...alarm, NewStateValue: 'INSUFFICIENT_DATA' },
    );
    expect(server.deliveries).toEqual([]);
  });

  test('keeps to the limits of Block Kit', async () => {
    const server = await receiver();
    const facts = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`fact ${index}`, 'x'.repeat(5_000)]),
    );
    await send({ slack: server.url }, { ...held, title: 't'.repeat(500), facts });
    const { blocks } = JSON.parse(server.deliveries[0]?.body ?? '') as {
      blocks: { text?: { text: string }; fields?: { text: string }[] }[];
    };
    expect(blocks[0]?.text?.text).toHaveLength(150);
    expect(blocks[1]?.fields).toHaveLength(10);
    for (const { text } of blocks[1]?.fields ?? []) expect(text.length).toBeLessThanOrEqual(2_000);
  });
});

test('Teams gets the same as an Adaptive Card', async () => {
  const server = await receiver();
  await send({ teams: server.url }, held);
  expect(JSON.parse(server.deliveries[0]?.body ?? '')).toEqual({
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          type: 'AdaptiveCard',
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          version: '1.4',
          body: [
            {
              type: 'TextBlock',
              text: held.title,
              wrap: true,
              size: 'Large',
              weight: 'Bolder',
              color: 'Attention',
            },
            {
              type: 'FactSet',
              facts: [
                { title: 'dataset', value: 'shop/items' },
                { title: 'run', value: 'R1' },
                { title: 'files', value: '2' },
                { title: 'reason', value: held.facts.reason },
              ],
            },
            { type: 'TextBlock', text: 'headgate hold release R1', wrap: true, fontType: 'Monospace' },
          ],
          actions: [],
        },
      },
    ],
  });
});

describe('a webhook', () => {
  test('that is busy or broken for a while is asked again', async () => {
    const server = await receiver([503, 429, 200]);
    await send({ slack: server.url }, held);
    expect(server.deliveries).toHaveLength(3);
  });

  test('that stays broken fails the function, and the other one is told all the same', async () => {
    const [broken, well] = [await receiver([500]), await receiver()];
    await expect(send({ slack: broken.url, teams: well.url }, held)).rejects.toThrow(
      'slack did not take the message 4 times, last with 500',
    );
    expect(well.deliveries).toHaveLength(1);
  });

  test('that refuses is asked for its address anew, by the same function', async () => {
    const [gone, put] = [await receiver([404]), await receiver()];
    await expect(send({ slack: gone.url }, held)).rejects.toThrow(/slack refused the message with 404/);
    await send({ slack: put.url }, held);
    expect([gone.deliveries.length, put.deliveries.length]).toEqual([1, 1]);
  });

  test('that refuses is not asked again, and its address is not told', async () => {
    const server = await receiver([404]);
    const answer = send({ slack: server.url }, held);
    await expect(answer).rejects.toThrow('slack refused the message with 404');
    await expect(answer).rejects.not.toThrow(server.url);
    expect(server.deliveries).toHaveLength(1);
  });

  test.each([{}, { slak: 'https://example.org' }, { slack: 'no address' }])(
    'must be named in the secret: %j',
    async (addresses) => {
      await expect(send(addresses, held)).rejects.toThrow('holds no webhook');
    },
  );
});
