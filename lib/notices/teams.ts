import type { PersonalMessage } from './message.ts';

const COLOR = { good: 'Good', look: 'Warning', act: 'Attention' } as const;

/** Body for a Teams workflow's webhook, an Adaptive Card: https://adaptivecards.io/explorer/AdaptiveCard.html */
export function teamsBody({
  severity,
  title,
  facts,
  since,
  advice,
  command,
  links,
}: PersonalMessage): object {
  const all = [...facts, ...(since === undefined ? [] : [['since', since] as const])];
  const text = (value: string, options: object = {}) => ({
    type: 'TextBlock',
    text: value,
    wrap: true,
    ...options,
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          type: 'AdaptiveCard',
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          version: '1.4',
          body: [
            text(title, { size: 'Large', weight: 'Bolder', color: COLOR[severity] }),
            ...(all.length === 0
              ? []
              : [{ type: 'FactSet', facts: all.map(([name, value]) => ({ title: name, value })) }]),
            ...(advice === undefined ? [] : [text(`What to do: ${advice}`)]),
            ...(command === undefined ? [] : [text(command, { fontType: 'Monospace' })]),
          ],
          actions: links.map(({ text: label, url }) => ({ type: 'Action.OpenUrl', title: label, url })),
        },
      },
    ],
  };
}
