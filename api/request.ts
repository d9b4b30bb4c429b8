import type { ApiKeyDocument } from '../store/documents.ts';

declare global {
  // Express has its request type extended through this namespace; there is no other way.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      /** In the log, in `X-Request-Id` and in the `instance` of a problem. */
      requestId: string;
      /** Set by `authenticate`; absent on addresses that need no key. */
      apiKey?: ApiKeyDocument;
    }
  }
}
