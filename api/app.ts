import { randomUUID } from 'node:crypto';
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import { authenticate, limitRate } from './auth.ts';
import type { Deps } from './deps.ts';
import { asHttpProblem } from './errors.ts';
import { refuseUnsafe } from './input.ts';
import { HttpProblem, notFound, sendProblem } from './problems.ts';
import './request.ts';
import { actionRoutes } from './routes/actions.ts';
import { batchRoutes } from './routes/batches.ts';
import { appRoutes } from './routes/apps.ts';
import { connectionRoutes } from './routes/connections.ts';
import { healthRoutes } from './routes/health.ts';
import { insightRoutes } from './routes/insight.ts';
import { reconciliationRoutes } from './routes/reconciliation.ts';
import { recordRoutes } from './routes/records.ts';
import { webhookRoutes } from './routes/webhooks.ts';

const bodyLimit = '100kb';
/** 10,000 targets. */
const batchLimit = '2mb';
const ofBatches = /^\/connections\/[^/]+\/batches$/;
/** A frozen MongoDB keeps its sockets open; nobody should wait for it without end. */
const answerWithinMs = 40_000;

/** The HTTP interface; whatever it needs is an argument. */
export function createApp(deps: Deps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(identify(deps));
  app.use(helmet());
  healthRoutes(app, deps);
  webhookRoutes(app, deps);

  const v1 = express.Router({ caseSensitive: true });
  v1.use(authenticate(deps), limitRate(deps), neverStored, ...jsonBody);
  appRoutes(v1, deps);
  connectionRoutes(v1, deps);
  actionRoutes(v1, deps);
  batchRoutes(v1, deps);
  insightRoutes(v1, deps);
  recordRoutes(v1, deps);
  reconciliationRoutes(v1, deps);
  app.use('/v1', v1);

  app.use((request: Request) => {
    throw notFound(`the address ${request.path.slice(0, 200)}`);
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const problem = asHttpProblem(error);
    if (problem.status >= 500)
      deps.logger.error({ requestId: request.requestId, code: problem.code, error }, 'request failed');
    sendProblem(request, response, problem);
  });
  return app;
}

/** A name for each request, and one line in the log when it is answered. Never a query, a body or a header. */
function identify({ logger, clock }: Pick<Deps, 'logger' | 'clock'>): RequestHandler {
  return (request, response, next) => {
    request.requestId = randomUUID();
    response.set('X-Request-Id', request.requestId);
    const { method, path, requestId } = request;
    const began = clock.now().getTime();
    const callOff = clock.after(answerWithinMs, () =>
      sendProblem(request, response, new HttpProblem('too-slow', `no answer within ${answerWithinMs / 1_000} s`)),
    );
    response.once('close', () => {
      callOff();
      const ms = clock.now().getTime() - began;
      logger.info({ requestId, method, path, status: response.statusCode, ms, key: request.apiKey?._id }, 'request');
    });
    next();
  };
}

const neverStored: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

const demandJson: RequestHandler = (request, _response, next) => {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.get('content-length') ?? 0) > 0;
  if (hasBody && !request.is('application/json'))
    throw new HttpProblem('wrong-media-type', 'the body must be JSON, said by its Content-Type');
  next();
};

const safeBody: RequestHandler = (request, _response, next) => {
  refuseUnsafe(request.body);
  next();
};

const [plain, long] = [bodyLimit, batchLimit].map((limit) => express.json({ limit, strict: true }));
const json: RequestHandler = (request, response, next) =>
  (ofBatches.test(request.path) ? long : plain)!(request, response, next);

const jsonBody = [demandJson, json, safeBody];
