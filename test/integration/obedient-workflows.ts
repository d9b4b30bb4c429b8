import { ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { pause, resume, requestAction, type CheckInput, type ConnectionInput } from '../../workflows/messages.ts';

/** Refuses to pause, obeys resume, ends on its first action. */
export async function connection(_input: ConnectionInput): Promise<string> {
  let action = '';
  setHandler(pause, () => ({}) as never, {
    validator: () => {
      throw ApplicationFailure.nonRetryable('it is erasing: it cannot pause');
    },
  });
  setHandler(resume, () => ({}) as never);
  setHandler(requestAction, (id) => void (action = id));
  await condition(() => action !== '');
  return action;
}

export const check = ({ connectionId }: CheckInput): Promise<object> =>
  Promise.resolve({ outcome: 'parked', problem: { what: `no ${connectionId}` } });
