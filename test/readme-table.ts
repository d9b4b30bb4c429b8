/**
 * The capability table of README.md, made from the registry: `tsx test/readme-table.ts` rewrites it between its markers,
 * `--check` ends with 1 when it is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { actionNames, actionTitles, type ActionName } from '../connectors/actions.ts';
import type { Capability, Connector } from '../connectors/connector.ts';
import { connectors } from '../connectors/index.ts';
import { stageNames, type StageName } from '../connectors/records.ts';

const readme = fileURLToPath(new URL('../README.md', import.meta.url));
const begin = '<!-- capabilities: made by test/readme-table.ts -->';
const end = '<!-- capabilities end -->';

const stageTitles: Record<StageName, string> = {
  users: 'Accounts, groups, privileges',
  permissions: 'App permissions, tokens, keys',
  activities: 'Audit trail',
  files: 'Files and sharing',
};

/** A mark for each note, shared by all cells that say the same. */
class Notes {
  private readonly texts: string[] = [];

  /** Why it is not there. */
  mark(app: Connector, capability: Capability): string {
    const why = app.absent[capability];
    if (why === undefined) throw new Error(`${app.id} has no ${capability} and does not say why in "absent"`);
    return this.note(`${app.title}: ${why}`);
  }

  /** What it is limited to, if anything. */
  limit(app: Connector, capability: Capability): string {
    const only = app.partly[capability];
    return only === undefined ? '' : ` ${this.note(`${app.title}: ${only}`)}`;
  }

  private note(text: string): string {
    if (!this.texts.includes(text)) this.texts.push(text);
    return `<sup>${this.texts.indexOf(text) + 1}</sup>`;
  }

  get lines(): string[] {
    return this.texts.map((text, index) => `${index + 1}. ${text}.`);
  }
}

function stageCell(app: Connector, name: StageName, notes: Notes): string {
  const stage = app.stages[name];
  if (!stage) return `– ${notes.mark(app, name)}`;
  return `${stage.changes ? 'read, followed' : 'read'}${notes.limit(app, name)}`;
}

function actionCell(app: Connector, name: ActionName, notes: Notes): string {
  const action = app.actions[name];
  if (!action) return `– ${notes.mark(app, name)}`;
  return `${action.undo ? 'yes, with undo' : 'yes'}${notes.limit(app, name)}`;
}

function section(apps: readonly Connector[]): string {
  const notes = new Notes();
  const row = (title: string, cell: (app: Connector) => string) => `| ${[title, ...apps.map(cell)].join(' | ')} |`;
  const rows = [
    ...stageNames.map((name) => row(stageTitles[name], (app) => stageCell(app, name, notes))),
    row('Webhooks of the app', (app) => (app.push ? 'yes' : `– ${notes.mark(app, 'push')}`)),
    row('Contents of files', (app) => (app.content ? 'hash and true type' : `– ${notes.mark(app, 'content')}`)),
    ...actionNames.map((name) => row(actionTitles[name], (app) => actionCell(app, name, notes))),
  ];
  const head = [`| | ${apps.map(({ title }) => title).join(' | ')} |`, `|${'---|'.repeat(apps.length + 1)}`];
  return [...head, ...rows, '', ...notes.lines].join('\n');
}

const text = readFileSync(readme, 'utf8');
const [before, rest] = text.split(begin);
const [, after] = rest?.split(end) ?? [];
if (before === undefined || after === undefined) throw new Error(`README.md wants the lines ${begin} and ${end}`);
const options = await resolveConfig(readme);
const wanted = await format(`${before}${begin}\n\n${section(connectors)}\n\n${end}${after}`, {
  ...options,
  parser: 'markdown',
});
if (!process.argv.includes('--check')) {
  if (wanted !== text) writeFileSync(readme, wanted);
} else if (wanted !== text) {
  process.stderr.write('The capability table of README.md is stale: npx tsx test/readme-table.ts writes it anew\n');
  process.exitCode = 1;
}
