import type { ConnectionState, StageState } from '../../workflows/messages.ts';

export interface Shown {
  title: string;
  phase: string;
  stages: ConnectionState['stages'];
  waits: ConnectionState['waits'];
}

export interface Progress {
  show(connections: readonly Shown[]): void;
  /** A line that stays. */
  say(line: string): void;
  end(): void;
}

const width = 24;

/** Bars that are redrawn on a terminal; else a plain line for each change. Nothing at all where only JSON is wanted. */
export function createProgress(out: NodeJS.WriteStream, quiet: boolean): Progress {
  if (quiet) return { show: () => {}, say: () => {}, end: () => {} };
  return out.isTTY ? bars(out) : lines(out);
}

const recordsOf = ({ counts }: StageState): number => counts.added + counts.changed + counts.unchanged;

function describe(stage: StageState): string {
  const { phase, parts, trust, wait, problem } = stage;
  const notes = [
    parts.total > 1 ? `${parts.done}/${parts.total} parts` : '',
    trust && trust !== 'trusted' ? trust : '',
    wait?.why ?? '',
    phase === 'absent' || phase === 'blind' || phase === 'partial' ? (problem?.what ?? '') : '',
  ].filter(Boolean);
  return `${phase}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

function lines(out: NodeJS.WriteStream): Progress {
  const said = new Map<string, string>();
  return {
    show(connections) {
      for (const { title, phase, stages } of connections) {
        for (const [name, stage] of Object.entries(stages)) {
          const line = `${title}: ${name} ${describe(stage)}, ${recordsOf(stage)} records`;
          if (said.get(`${title}/${name}`) === line || stage.phase === 'waiting') continue;
          said.set(`${title}/${name}`, line);
          out.write(`${line}\n`);
        }
        if (said.get(title) !== phase) out.write(`${title}: ${phase}\n`);
        said.set(title, phase);
      }
    },
    say: (line) => void out.write(`${line}\n`),
    end: () => {},
  };
}

function bars(out: NodeJS.WriteStream): Progress {
  let drawn = 0;
  const clear = (): void => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  return {
    show(connections) {
      const rows = connections.flatMap(({ title, phase, stages }) => [
        `  ${title} · ${phase}`,
        ...Object.entries(stages).map(([name, stage]) => {
          const total = stage.estimate && stage.estimate > recordsOf(stage) ? stage.estimate : 0;
          const over = stage.phase !== 'running' && stage.phase !== 'waiting';
          const share = over
            ? 1
            : total > 0
              ? recordsOf(stage) / total
              : stage.parts.total > 0
                ? stage.parts.done / stage.parts.total
                : 0;
          const filled = Math.round(share * width);
          const bar = stage.phase === 'absent' ? ' '.repeat(width) : '█'.repeat(filled) + '░'.repeat(width - filled);
          return `    ${name.padEnd(12)} ${bar} ${String(recordsOf(stage)).padStart(7)}  ${describe(stage)}`;
        }),
      ]);
      clear();
      const columns = out.columns || 120;
      for (const row of rows) out.write(`${row.slice(0, columns - 1)}\n`);
      drawn = rows.length;
    },
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    end: () => {
      drawn = 0;
    },
  };
}
