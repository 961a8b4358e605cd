import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { databasesOf } from '../../lib/adapters/aws/lake.ts';
import { readContracts } from '../../lib/adapters/local/contracts.ts';
import { parseConfig, type StageConfig } from '../../lib/infra/config.ts';
import type { Definition } from '../../lib/infra/definition.ts';
import { addStacks, newApp } from '../../lib/infra/headgate-app.ts';
import { FUNCTIONS } from '../../lib/infra/permissions.ts';
import { ROOT } from './headgate.ts';
import { temporaryFolder } from './temporary.ts';

export type Resource = {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

export const definition = JSON.parse(
  readFileSync(join(ROOT, 'lib/pipeline/pipeline.asl.json'), 'utf8'),
) as Definition;

export const configOf = (stage: string): StageConfig => {
  const file = `config/${stage}.yaml`;
  return parseConfig(file, readFileSync(join(ROOT, file), 'utf8'));
};

const bundles = temporaryFolder('stacks');

/** The app as bin/app.ts makes it, but for what the bundles hold: a template knows only their hashes. */
export function stacksOf(config: StageConfig) {
  for (const { name } of FUNCTIONS) {
    mkdirSync(join(bundles, name), { recursive: true });
    writeFileSync(join(bundles, name, 'index.mjs'), `// ${name}`);
  }
  const app = newApp();
  const stacks = addStacks(app, {
    config,
    domains: DOMAINS,
    datasets: readContracts(join(ROOT, 'contracts')),
    databases: databasesOf(readContracts(join(ROOT, 'contracts'))),
    definition,
    bundles,
    spark: { scripts: join(ROOT, 'glue-scripts'), modules: 'duckdb==1.5.6', matchModules: 'splink==5.0.0' },
  });
  return { app, ...stacks };
}

export const DOMAINS = [
  ...new Set(readContracts(join(ROOT, 'contracts')).map(({ domain }) => domain)),
].sort();

export const resourcesOf = (template: Template, type?: string): readonly (Resource & { id: string })[] =>
  Object.entries(template.toJSON().Resources as Record<string, Resource>)
    .filter(([, resource]) => type === undefined || resource.Type === type)
    .map(([id, resource]) => ({ id, ...resource }));
