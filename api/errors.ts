import { BadCursor } from '../store/paging.ts';
import { BadFilter } from '../store/records.ts';
import { HttpProblem, invalidParameter } from './problems.ts';
import { TemporalFailure } from './temporal.ts';
import { asProblem } from './wish.ts';

/** Whatever was thrown, as the problem that the caller sees. What is not foreseen says nothing of itself. */
export function asHttpProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof BadCursor)
    return invalidParameter('cursor', 'is not one that this list gave out', 'begin without a cursor');
  if (error instanceof BadFilter) return invalidParameter(error.field, error.message);
  if (error instanceof TemporalFailure) return asProblem(error, 'what was wished is kept') as HttpProblem;
  if (error instanceof URIError) return new HttpProblem('malformed-url', 'the address is not well encoded');
  const type = typeof error === 'object' && error !== null && 'type' in error ? String(error.type) : '';
  const body = bodyProblem(type, error);
  if (body) return body;
  // The driver's own errors, told by their names: only store/ knows its classes.
  if (error instanceof Error && isStoreAway(error))
    return new HttpProblem('store-unavailable', 'MongoDB cannot be reached');
  return new HttpProblem('internal', 'the request could not be handled');
}

const away =
  /^Mongo(ServerSelection|Network|NetworkTimeout|NotConnected|PoolCleared|PoolClosed|OperationTimeout|TopologyClosed|WaitQueueTimeout)/;

function isStoreAway(error: Error): boolean {
  if (away.test(error.name)) return true;
  return error.cause instanceof Error && isStoreAway(error.cause);
}

/** What express.json and express.raw throw. Their messages quote the body, which may hold a credential. */
function bodyProblem(type: string, error: unknown): HttpProblem | undefined {
  switch (type) {
    case 'entity.parse.failed': {
      const at = /at position (\d+)/.exec(error instanceof Error ? error.message : '');
      const where = at ? ` (at character ${Number(at[1]) + 1})` : '';
      return new HttpProblem('malformed-json', `the body is not a JSON object${where}`, {
        errors: [{ pointer: '', detail: `cannot be read as JSON${where}` }],
      });
    }
    case 'entity.too.large': {
      const limit = (error as { limit?: number }).limit;
      return new HttpProblem('body-too-large', `the body is larger than ${limit ?? 'allowed'} bytes`, {
        remedy: `send at most ${limit ?? 'the allowed number of'} bytes`,
        errors: [{ pointer: '', detail: 'is too large' }],
      });
    }
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new HttpProblem('wrong-media-type', 'the encoding of the body is not one that is read here');
    case 'request.aborted':
    case 'request.size.invalid':
    case 'stream.encoding.set':
      return new HttpProblem('body-incomplete', 'the body ended before its announced length');
  }
  return undefined;
}
