import { upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from './messages.ts';
import type { ConnectionState } from './messages.ts';

const everyMs = 10_000;

/** The search attributes of one run: written on change, and seldom unless the phase changed. */
export class Attributes {
  private readonly app: string;
  private at = 0;
  private shown = '';

  constructor(app: string) {
    this.app = app;
  }

  show({ phase, waits }: ConnectionState): void {
    const wait = waits.sweep ?? waits.actions ?? waits.watch ?? waits.content;
    const waitingFor = wait?.reason ?? (phase === 'needsCredentials' ? 'credentials' : 'nothing');
    const shown = `${phase} ${waitingFor} ${wait?.until ?? ''}`;
    const phaseChanged = !this.shown.startsWith(`${phase} `);
    if (shown === this.shown || (!phaseChanged && Date.now() - this.at < everyMs)) return;
    this.shown = shown;
    this.at = Date.now();
    upsertSearchAttributes([
      { key: searchAttributes.app, value: this.app },
      { key: searchAttributes.phase, value: phase },
      { key: searchAttributes.waitingFor, value: waitingFor },
      { key: searchAttributes.waitingUntil, value: wait?.until ? new Date(wait.until) : null },
    ]);
  }
}
