import { executeCost } from '../cost/capacity.ts';
import type { Plan } from './plan.ts';

/** The plan in lines for people: the same data that the engine executes. @param statements with them: lines of thousands of characters */
export function explain(plan: Plan, { statements }: { readonly statements: boolean }): readonly string[] {
  const bytes = plan.inputs.reduce((sum, input) => sum + input.bytes, 0);
  const records = plan.inputs.reduce((sum, input) => sum + input.records, 0);
  const heading = (text: string) => ['', text];
  const sql = (text: string) => (statements ? [`    ${text}`] : []);
  return [
    `${plan.dataset}, contract version ${plan.contractVersion}, engine ${plan.engine}`,
    ...(plan.inputs.length === 0
      ? ['nothing is pending: this is what the next file goes through']
      : [`${plan.inputs.length} files, ${records} records, ${bytes} bytes`, costOf(bytes)]),
    ...plan.inputs
      .slice(0, 20)
      .map(
        (input) => `  ${input.fileId}  ${input.records} records${input.rewrite ? ', rewritten first' : ''}`,
      ),
    ...(plan.inputs.length > 20 ? [`  and ${plan.inputs.length - 20} more`] : []),
    ...(plan.target === undefined
      ? []
      : [
          `table ${plan.target.table.database}.${plan.target.table.name} at snapshot ${plan.target.snapshot ?? 'none'}, ${plan.target.files.length} files`,
        ]),
    ...heading('checks'),
    ...plan.checks.map((check, number) => `  ${number} ${check.key}: ${check.code}, ${check.action}`),
    ...heading('steps'),
    '  stage: typed rows with their checks',
    ...sql(plan.stage),
    ...plan.steps.flatMap((step) => [`  ${step.name}: ${step.purpose}`, ...sql(step.sql)]),
    ...heading('outputs'),
    ...plan.outputs.flatMap((output) => [
      `  ${output.name} to ${output.table.database}.${output.table.name}${output.partitionBy.length === 0 ? '' : ` by ${output.partitionBy.map(({ name }) => name).join(', ')}`}`,
      ...sql(output.sql),
    ]),
    ...(statements
      ? [...heading('measures'), ...plan.measures.map((measure) => `  ${measure.name}: ${measure.sql}`)]
      : heading('--sql shows the statements')),
  ];
}

function costOf(bytes: number): string {
  const { duckdb, spark } = executeCost(bytes);
  const perGb = (usd: number) => ((usd / bytes) * 1e9).toPrecision(2);
  return `executed on AWS, by list price and assumed speeds: DuckDB on Lambda ${duckdb.toPrecision(2)} USD (${perGb(duckdb)} a GB), Spark on Glue ${spark.toPrecision(2)} USD (${perGb(spark)} a GB)`;
}
