import type { Notice, Notifier } from '../../ports/notifier.ts';

/** One line per notice, and what to do next. */
export const lineNotifier = (print: (line: string) => void): Notifier => ({
  async notify({ title, facts, next, kind }) {
    const shown =
      kind === 'run.published'
        ? ['files', 'received', 'published', 'quarantined', 'deduplicated']
        : ['reason'];
    const details = shown.flatMap((name) =>
      facts[name] === undefined ? [] : [name === 'reason' ? `${facts[name]}` : `${name} ${facts[name]}`],
    );
    print(`${title}${details.length === 0 ? '' : ` - ${details.join(', ')}`}`);
    if (next !== undefined && kind !== 'run.published') print(`  next: ${next}`);
  },
});

const TIMEOUT_MS = 5_000;

/** Posts every notice as JSON. A receiver that does not answer costs a line, not the run. */
export const webhookNotifier = (url: string, print: (line: string) => void): Notifier => ({
  async notify(notice: Notice) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(notice),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (!response.ok) print(`webhook answered ${response.status}: ${notice.title}`);
    } catch (error) {
      print(
        `webhook did not answer (${error instanceof Error ? error.message : 'no reason'}): ${notice.title}`,
      );
    }
  },
});

export const all = (...notifiers: readonly Notifier[]): Notifier => ({
  async notify(notice) {
    for (const notifier of notifiers) await notifier.notify(notice);
  },
});
