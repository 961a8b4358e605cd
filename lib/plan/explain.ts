import { executeCost } from '../cost/capacity.ts';
import type { Plan } from './plan.ts';

/** The plan in lines for people: the same data that the engine executes. */
export function explain(plan: Plan): readonly string[] {
  const bytes = plan.inputs.reduce((sum, input) => sum + input.bytes, 0);
  const records = plan.inputs.reduce((sum, input) => sum + input.records, 0);
  const heading = (text: string) => ['', text];
  return [
    `${plan.dataset}, contract version ${plan.contractVersion}, engine ${plan.engine}`,
    `${plan.inputs.length} files, ${records} records, ${bytes} bytes`,
    ...(plan.inputs.length === 0 ? [] : [costOf(bytes)]),
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
    ...heading('stage: typed rows with their checks'),
    `  ${plan.stage}`,
    ...heading('checks'),
    ...plan.checks.map((check, number) => `  ${number} ${check.key}: ${check.code}, ${check.action}`),
    ...heading('steps'),
    ...plan.steps.flatMap((step) => [`  ${step.name}: ${step.purpose}`, `    ${step.sql}`]),
    ...heading('outputs'),
    ...plan.outputs.flatMap((output) => [
      `  ${output.name} to ${output.table.database}.${output.table.name}${output.partitionBy.length === 0 ? '' : ` by ${output.partitionBy.map(({ name }) => name).join(', ')}`}`,
      `    ${output.sql}`,
    ]),
    ...heading('measures'),
    ...plan.measures.map((measure) => `  ${measure.name}: ${measure.sql}`),
  ];
}

function costOf(bytes: number): string {
  const { duckdb, spark } = executeCost(bytes);
  const perGb = (usd: number) => ((usd / bytes) * 1e9).toPrecision(2);
  return `executed on AWS, by list price and assumed speeds: DuckDB on Lambda ${duckdb.toPrecision(2)} USD (${perGb(duckdb)} a GB), Spark on Glue ${spark.toPrecision(2)} USD (${perGb(spark)} a GB)`;
}
