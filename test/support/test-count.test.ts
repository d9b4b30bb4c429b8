import { describe, expect, it } from 'vitest';
import { countLine, countTests } from './test-count.ts';

const report = (numbers: Record<string, number>, testResults: unknown[] = []) =>
  JSON.stringify({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    ...numbers,
    testResults,
  });

describe('the count of a test run', () => {
  it('is what the report says', () => {
    const counts = countTests(report({ numPassedTests: 7, numFailedTests: 2, numPendingTests: 1 }), 1);
    expect(countLine(counts)).toBe('7 passed, 2 failed, 1 skipped');
    expect(countLine(countTests(report({ numPassedTests: 7 }), 0))).toBe('7 passed, 0 failed');
  });

  it('counts a file that did not load, once', () => {
    const files = [
      { status: 'failed', assertionResults: [] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    expect(countTests(report({ numPassedTests: 1, numFailedTests: 1 }, files), 1).failed).toBe(2);
  });

  it('never shows a bad end as a clean run', () => {
    expect(countTests(report({ numPassedTests: 3 }), 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
    expect(countTests(undefined, 0).failed).toBe(1);
  });
});
