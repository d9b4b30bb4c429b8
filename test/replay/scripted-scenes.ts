import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Activities } from '../../activities/contract.ts';
import { getState, requestAction, type ConnectionState } from '../../workflows/messages.ts';
import { bundle, easyActivities, quietRuntime, start, swept, withWorkers } from '../support/connection-workflow.ts';
import type { History } from '../support/runs-of.ts';

interface Scene {
  activities: Partial<Activities>;
  so: (state: ConnectionState) => boolean;
}

function twoReaders(): Scene {
  let open = 6;
  const sweepChunk: Activities['sweepChunk'] = async () => {
    await delay(200);
    open -= 1;
    const parts = { total: 6, done: 6 - Math.max(open, 0), failed: 0, blind: 0, open: Math.max(open, 0) };
    return swept({ parts, ended: open <= 0 });
  };
  return { activities: { sweepChunk }, so: ({ phase }) => phase === 'watching' };
}

function checkedAction(): Scene {
  let [found, checks] = [false, 0];
  return {
    activities: {
      async nextActions() {
        const first = !found;
        found = true;
        return first ? [{ actionId: 'act_1', title: 'an action', step: 'prepareAction' }] : [];
      },
      prepareAction: async () => ({ next: 'applyAction', touched: false }),
      applyAction: async () => ({
        next: 'checkAction',
        delay: { ms: 200, reason: 'pending', why: 'under way at the app' },
        touched: true,
      }),
      async checkAction() {
        checks += 1;
        return checks < 2 ? { next: 'checkAction', touched: false } : { touched: true };
      },
    },
    so: ({ phase, actions }) => phase === 'watching' && actions.taken === 1 && actions.running === 0 && checks === 2,
  };
}

/** What no run of a simulator is sure to come to: activities that answer as they are told. */
export async function scriptedScenes(
  client: Client,
  address: string,
  store: (name: string, state: ConnectionState, history: History) => void,
): Promise<void> {
  quietRuntime();
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundle();
  for (const [name, { activities, so }] of Object.entries({
    'two-readers': twoReaders(),
    'checked-action': checkedAction(),
  }))
    await withWorkers({ connection, workflowBundle, activities: easyActivities(activities) }, async () => {
      const handle = await start(client, { connectionId: `con_${name}` });
      await handle.signal(requestAction, 'act_1');
      for (const until = Date.now() + 30_000; ; await delay(50)) {
        const state = await handle.query(getState);
        if (so(state)) {
          store(name, state, await handle.fetchHistory());
          break;
        }
        if (Date.now() > until) throw new Error(`${name} did not come: ${JSON.stringify(state)}`);
      }
      await handle.terminate();
    });
  await connection.close();
}
