import type { PersonalMessage } from './message.ts';

const MARK = { good: ':large_green_circle:', look: ':large_yellow_circle:', act: ':red_circle:' } as const;

/** Limits of Block Kit: a header 150 characters, a field 2,000, ten fields a section, a text 3,000. */
const HEADER = 150;
const FIELD = 2_000;
const FIELDS = 10;
const TEXT = 3_000;

/** Body of an incoming webhook: https://docs.slack.dev/reference/block-kit/blocks */
export function slackBody(message: PersonalMessage): object {
  const { severity, title, facts, since, advice, command, links } = message;
  const fields = facts
    .slice(0, FIELDS)
    .map(([name, value]) => markdown(`*${name}*\n${escaped(value)}`, FIELD));
  return {
    text: title,
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: cut(`${MARK[severity]} ${title}`, HEADER), emoji: true },
      },
      ...(fields.length === 0 ? [] : [{ type: 'section', fields }]),
      ...(advice === undefined ? [] : [section(`*What to do:* ${escaped(advice)}`)]),
      ...(command === undefined ? [] : [section(`*Run:* \`${escaped(command)}\``)]),
      ...(links.length === 0
        ? []
        : [section(links.map(({ text, url }) => `<${url}|${escaped(text)}>`).join('  ·  '))]),
      ...(since === undefined
        ? []
        : [{ type: 'context', elements: [markdown(`since ${escaped(since)}`, FIELD)] }]),
    ],
  };
}

const section = (text: string) => ({ type: 'section', text: markdown(text, TEXT) });
const markdown = (text: string, most: number) => ({ type: 'mrkdwn', text: cut(text, most) });
const cut = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

/** The three characters that Slack's markup gives a meaning to. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
