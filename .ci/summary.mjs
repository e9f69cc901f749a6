// Prints the last line of a CI run from vitest's own results. A step that failed without a failed test to show for it
// counts as one failure: a count of none must mean that nothing failed.
import { readFileSync } from 'node:fs';

const [resultsFile = '', ...failedSteps] = process.argv.slice(2);

function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8'));
  } catch {
    return undefined;
  }
}

const results = readResults();
const passed = results?.numPassedTests ?? 0;
const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
let failed = results?.numFailedTests ?? 0;

for (const file of results?.testResults ?? []) {
  if (file.status !== 'failed' || file.assertionResults.some((test) => test.status === 'failed')) continue;
  console.log(`failed: ${file.name} (the file itself, not one of its tests)`);
  failed += 1;
}
for (const step of failedSteps) {
  console.log(`failed: ${step}`);
  if (step !== 'npm test' || failed === 0) failed += 1;
}
if (passed === 0 && failed === 0) {
  console.log('failed: no test ran');
  failed += 1;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 ? 1 : 0;
