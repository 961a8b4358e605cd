import { App, type AppProps, Tags } from 'aws-cdk-lib';
import type { Dataset } from '../contract/dataset.ts';
import { LEDGER_DATABASE } from '../contract/dataset.ts';
import { AccessStack } from './access-stack.ts';
import type { StageConfig } from './config.ts';
import { DataStack } from './data-stack.ts';
import type { Definition } from './definition.ts';
import { ObservabilityStack } from './observability-stack.ts';
import { PipelineStack } from './pipeline-stack.ts';

export interface Deployment {
  readonly config: StageConfig;
  readonly datasets: readonly Dataset[];
  /** Databases of the contracts' tables. */
  readonly databases: readonly string[];
  /** Folders of sql/: each has a database of views. */
  readonly domains: readonly string[];
  readonly definition: Definition;
  readonly bundles: string;
  /** Folder of the scripts and their package, and the additional modules of the Glue jobs. */
  readonly spark: { readonly scripts: string; readonly modules: string; readonly matchModules: string };
}

/** Ways of the CDK that are better than its defaults, which stay for the sake of older apps. */
const FLAGS = {
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
};

export const newApp = (props: AppProps = {}): App => new App({ ...props, postCliContext: FLAGS });

/** The stacks of one stage. */
export function addStacks(app: App, deployment: Deployment) {
  const { config, databases, domains, datasets } = deployment;
  const views = domains.map((domain) => `${domain}_marts`);
  const env = { region: config.region, ...(config.account === undefined ? {} : { account: config.account }) };
  const name = (part: string) => `headgate-${config.stage}-${part}`;
  const tables = [...databases, LEDGER_DATABASE];
  const data = new DataStack(app, name('data'), { env, config, databases: [...tables, ...views] });
  const access = new AccessStack(app, name('access'), { env, config, data, databases: tables, views });
  const pipeline = new PipelineStack(app, name('pipeline'), { env, data, views, ...deployment });
  // Its sync function assigns the tags.
  pipeline.addStackDependency(access);
  const observability = new ObservabilityStack(app, name('observability'), {
    env,
    config,
    datasets,
    data,
    pipeline,
  });
  Tags.of(app).add('headgate:stage', config.stage);
  Tags.of(app).add('cost-centre', config.costCentre);
  return { data, pipeline, observability, access };
}
