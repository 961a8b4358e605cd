// Ends the report with what was not run and why, and with one line that sums all suites.
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap((file) =>
      file.testResults
        .filter((test) => test.status === 'pending' || test.status === 'todo')
        .map((test) => test.ancestorTitles[0] ?? test.title),
    );
    const broken = results.testResults.filter((file) => file.testExecError).length;
    const failed = results.numFailedTests + broken;
    if (process.env.CI === 'true' && skipped.length > 0) process.exitCode = 1;
    process.once('exit', () => {
      for (const suite of new Set(skipped)) console.log(`not run: ${suite}`);
      console.log(`${results.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
    });
  }
}
