import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../../workflows/messages.ts';
import type { Api } from '../api-client.ts';
import type { Progress, Shown } from './progress.ts';

export interface ConnectionView extends Shown {
  id: string;
  app: string;
  label: string;
  trust?: string;
  problem?: Problem;
  tenant?: { id: string; name: string };
  scan?: { number: number; finishedAt?: string };
}

export interface ActionView {
  id: string;
  action: string;
  state: string;
  verified?: boolean;
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  plan?: string[];
  undo?: { verified?: boolean };
  problem?: Problem;
}

export interface Summary {
  records: Record<string, number>;
  activityClasses: { classUid: number; className: string; count: number }[];
  unknownEvents: { count: number; types: { eventCode: string; count: number }[] };
}

/** One app of the demo: how it is connected, and what is asked of it once it was scanned. */
export interface Scenario {
  title: string;
  body: object;
  govern(api: Api, connection: ConnectionView, say: (line: string) => void): Promise<Governed[]>;
  /** Ends what runs in this process for it. */
  close?: () => Promise<void>;
}

export interface Governed {
  action: string;
  state: string;
  verified: boolean;
  /** What the read-back showed, for the table. */
  proof: string;
}

const scanWithinMs = 10 * 60_000;
const actionWithinMs = 2 * 60_000;

/** Connects as an operator would and waits for the end of the first scan, showing how it goes. */
export async function connectAndScan(
  api: Api,
  scenarios: readonly Scenario[],
  progress: Progress,
): Promise<ConnectionView[]> {
  const created = await Promise.all(scenarios.map(({ body }) => api.post<{ id: string }>('/v1/connections', body)));
  const until = Date.now() + scanWithinMs;
  for (;;) {
    const connections = await Promise.all(created.map(({ id }) => api.get<ConnectionView>(`/v1/connections/${id}`)));
    const shown = connections.map((connection, i) => ({ ...connection, title: scenarios[i]!.title }));
    progress.show(shown);
    const stuck = shown.find(({ phase }) => phase === 'needsCredentials' || phase === 'duplicate');
    if (stuck)
      throw new Error(`${stuck.title} is ${stuck.phase}: ${stuck.problem?.what}. ${stuck.problem?.remedy ?? ''}`);
    if (connections.every(({ scan }) => scan?.finishedAt)) return shown;
    if (Date.now() > until) throw new Error(`the first scan did not end within ${scanWithinMs / 60_000} minutes`);
    await delay(250);
  }
}

/** Requests an action and follows it to its end. */
export async function act(
  api: Api,
  connectionId: string,
  action: string,
  target: object,
  reason: string,
): Promise<ActionView> {
  const { id } = await api.post<ActionView>(`/v1/connections/${connectionId}/actions`, {
    action,
    target,
    reason,
    mode: 'apply',
  });
  return settled(api, id, ['done', 'failed', 'refused', 'expired', 'cancelled']);
}

export async function undo(api: Api, actionId: string, reason: string): Promise<ActionView> {
  await api.post(`/v1/actions/${actionId}/undo`, { reason });
  return settled(api, actionId, ['undone', 'undoFailed', 'undoNeedsAcceptance']);
}

async function settled(api: Api, id: string, states: readonly string[]): Promise<ActionView> {
  const until = Date.now() + actionWithinMs;
  for (;;) {
    const action = await api.get<ActionView>(`/v1/actions/${id}`);
    if (states.includes(action.state)) return action;
    if (Date.now() > until) throw new Error(`action ${id} (${action.action}) is still ${action.state}`);
    await delay(100);
  }
}

export const proofOf = ({ problem, after }: ActionView, key: string): string =>
  problem ? problem.what : `read back: ${key} is ${JSON.stringify(after?.[key])}`;
