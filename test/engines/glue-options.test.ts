import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../support/headgate.ts';

/** As Glue 5.1 calls a script: its own options stand between those of the run, which names no attempt. */
const GLUE = [
  ...['run_plan.py', '--enable-metrics', 'true', '--job', 's3://b/job.json', '--run', 'r'],
  ...['--job-bookmark-option', 'job-bookmark-disable', '--secrets', 'secretsmanager:headgate/dev/pii'],
  ...['--JOB_NAME', 'headgate-dev-run-plan', '--JOB_ID', 'j', '--JOB_RUN_ID', 'jr_1'],
];

test.each(['run_plan', 'match_records'])(
  'the options of %s are read where Glue’s own package is at hand',
  (script) => {
    const program = `
import ast, json, sys
from headgate_spark.program import options
defaults = next(ast.literal_eval(each.value) for each in ast.parse(open("${script}.py").read()).body
                if isinstance(each, ast.Assign) and each.targets[0].id == "DEFAULTS")
print(json.dumps(options(json.loads(sys.argv[1]), defaults)))`;
    const said = execFileSync('python3', ['-c', program, JSON.stringify(GLUE)], {
      cwd: join(ROOT, 'glue-scripts'),
      env: {
        ...process.env,
        PYTHONPATH: join(ROOT, 'test/deploy/emulator'),
        PYTHONDONTWRITEBYTECODE: '1',
      },
      encoding: 'utf8',
    });
    expect(JSON.parse(said)).toMatchObject({ job: 's3://b/job.json', attempt: '', JOB_RUN_ID: 'jr_1' });
  },
);
