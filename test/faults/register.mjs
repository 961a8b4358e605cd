// Loaded before a mutated harness: gives one source file with one piece replaced.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const { file, from, to } = JSON.parse(process.env.HEADGATE_MUTANT ?? '{}');
registerHooks({
  load(url, context, next) {
    if (!url.endsWith(`/${file}`)) return next(url, context);
    const source = readFileSync(new URL(url), 'utf8');
    if (source.split(from).length !== 2) throw new Error(`the mutation no longer applies to ${file}`);
    return { format: 'module-typescript', shortCircuit: true, source: source.replace(from, () => to) };
  },
});
