import type { ConnectionInput, ConnectionState, Eta } from './messages.ts';
import { stageNames } from './messages.ts';

const minute = (iso: string): string => iso.slice(0, 16).replace('T', ' ');
const range = ({ at, earliest, latest, basis }: Eta): string =>
  `${minute(at)} (${minute(earliest)} to ${minute(latest)}, by ${basis === 'app' ? 'the app' : basis === 'parts' ? 'its parts' : 'the scans before'})`;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** What the Temporal UI shows of a running connection, in Markdown. */
export function details(input: ConnectionInput, state: ConnectionState): string {
  const lines = [`**${cell(input.title)}** · ${state.phase} · scan ${state.scan.number} · run ${state.runs}`];
  if (state.problem) lines.push('', `${state.problem.what} (${state.problem.who}) ${state.problem.remedy ?? ''}`);
  if (state.scan.notice) lines.push('', `${state.scan.notice.what}; ${state.scan.notice.remedy ?? ''}`);
  for (const [lane, wait] of Object.entries(state.waits)) {
    lines.push('', `${lane} waits: ${wait.why}${wait.until ? ` (until ${wait.until})` : ''}`);
  }
  lines.push('', '| stage | phase | parts | records | ends | removed | trust | |', '|---|---|---|---|---|---|---|---|');
  for (const name of stageNames) {
    const stage = state.stages[name];
    if (!stage) continue;
    const { added, changed, unchanged, removed } = stage.counts;
    const of = stage.estimate ? ` of about ${stage.estimate}` : '';
    lines.push(
      `| ${name} | ${stage.phase} | ${stage.parts.done}/${stage.parts.total} | ${added + changed + unchanged}${of} | ${stage.eta ? range(stage.eta) : ''} | ${removed} | ${stage.trust ?? ''} | ${cell(stage.problem?.what ?? stage.wait?.why ?? '')} |`,
    );
  }
  if (state.content) {
    const { waiting, done, failed } = state.content;
    lines.push('', `content of files: ${done} read, ${waiting} to be read, ${failed} not read`);
  }
  if (state.nextScanAt) lines.push('', `next scan ${state.nextScanAt}`);
  return lines.join('\n');
}
