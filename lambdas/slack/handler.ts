import { setTimeout as pause } from 'node:timers/promises';
import type { SNSEvent } from 'aws-lambda';
import { webhooksOf } from '../../lib/adapters/aws/webhooks.ts';
import { messageOf } from '../../lib/notices/message.ts';
import { post } from '../../lib/notices/post.ts';
import { slackBody } from '../../lib/notices/slack.ts';
import { teamsBody } from '../../lib/notices/teams.ts';
import { read } from '../environment.ts';
import { handle } from '../shared/handle.ts';

const webhooks = webhooksOf(read(['webhookSecret']).webhookSecret);

const BODIES = { slack: slackBody, teams: teamsBody } as const;

/** Brings what a person should know to Slack and Teams. One that does not answer does not keep the other from being told. */
export const handler = handle<SNSEvent, void>(async ({ Records }) => {
  const addresses = await webhooks.addresses();
  for (const { Sns } of Records) {
    const message = messageOf(Sns.Message);
    if (message === undefined) continue;
    const posts = addresses.map(({ kind, url }) => post(url, BODIES[kind](message), { name: kind, pause }));
    const refused = (await Promise.allSettled(posts)).find(({ status }) => status === 'rejected');
    if (refused?.status !== 'rejected') continue;
    // The address may have been given up for another one, which the secret holds by the next attempt.
    webhooks.forget();
    throw refused.reason;
  }
});
