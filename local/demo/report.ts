import { recordKinds } from '../../connectors/records.ts';
import type { ConnectionView, Governed, Summary } from './scenario.ts';

export interface Outcome {
  connection: ConnectionView;
  summary: Summary;
  governed: readonly Governed[];
}

/** What `--json` prints, and nothing else. */
export interface Report {
  seconds: number;
  servers: Record<'temporal' | 'mongodb', { version: string; source: string }>;
  connections: {
    id: string;
    app: string;
    phase: string;
    trust?: string;
    records: Record<string, number>;
    activityClasses: Record<string, number>;
    unknownEvents: number;
    actions: { action: string; state: string; verified: boolean }[];
  }[];
}

export function reportOf(seconds: number, servers: Report['servers'], outcomes: readonly Outcome[]): Report {
  return {
    seconds: Math.round(seconds * 10) / 10,
    servers,
    connections: outcomes.map(({ connection: { id, app, phase, trust }, summary, governed }) => ({
      id,
      app,
      phase,
      trust,
      records: Object.fromEntries(recordKinds.map((kind) => [kind, summary.records[kind] ?? 0])),
      activityClasses: Object.fromEntries(summary.activityClasses.map(({ className, count }) => [className, count])),
      unknownEvents: summary.unknownEvents.count,
      actions: governed.map(({ action, state, verified }) => ({ action, state, verified })),
    })),
  };
}

function activityRows(outcomes: readonly Outcome[]): string[][] {
  const classes = new Map(
    outcomes.flatMap(({ summary }) =>
      summary.activityClasses.map(({ classUid, className }) => [classUid, className] as const),
    ),
  );
  const rows = [...classes]
    .sort(([a], [b]) => a - b)
    .map(([uid, name]) => {
      const of = ({ summary }: Outcome) => summary.activityClasses.find(({ classUid }) => classUid === uid)?.count ?? 0;
      return [`  ${uid} ${name}`, ...outcomes.map((outcome) => String(of(outcome)))];
    });
  return [...rows, ['  of unknown types', ...outcomes.map(({ summary }) => String(summary.unknownEvents.count))]];
}

/** The same for people. */
export function table(outcomes: readonly Outcome[]): string {
  const rows: string[][] = [['', ...outcomes.map(({ connection }) => `${connection.app} · ${connection.label}`)]];
  for (const kind of recordKinds) {
    rows.push([kind, ...outcomes.map(({ summary }) => String(summary.records[kind] ?? 0))]);
    if (kind === 'activities') rows.push(...activityRows(outcomes));
  }
  rows.push(['trust', ...outcomes.map(({ connection }) => connection.trust ?? '')]);
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
  );
  lines.splice(1, 0, '-'.repeat(lines[0]!.length));
  for (const { connection, governed } of outcomes) {
    lines.push('', `actions on ${connection.app}`);
    for (const { action, state, verified, proof } of governed) {
      lines.push(`  ${verified ? '✓' : '✗'} ${action.padEnd(28)} ${state.padEnd(10)} ${proof}`);
    }
  }
  return lines.join('\n');
}
