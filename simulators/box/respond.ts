/** A refusal in Box's error shape; `request_id` is added when it is sent. */
export class BoxError extends Error {
  readonly status: number;
  readonly code: string;
  readonly context: Record<string, unknown> | undefined;
  readonly headers: Record<string, string>;
  /** False: the reason is in the headers only and the body is empty, as Box does for tokens and scopes. */
  readonly spoken: boolean;

  constructor(
    status: number,
    code: string,
    message: string,
    given: { context?: Record<string, unknown>; headers?: Record<string, string>; spoken?: boolean } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.context = given.context;
    this.headers = given.headers ?? {};
    this.spoken = given.spoken ?? true;
  }

  body(requestId: string): Record<string, unknown> | undefined {
    if (!this.spoken) return undefined;
    return {
      type: 'error',
      status: this.status,
      code: this.code,
      ...(this.context ? { context_info: this.context } : {}),
      help_url: 'http://developers.box.com/docs/#errors',
      message: this.message,
      request_id: requestId,
    };
  }
}

/** The OAuth form of an error, which only the token and revoke endpoints speak. */
export class OAuthError extends Error {
  readonly error: string;
  constructor(error: string, description: string) {
    super(description);
    this.error = error;
  }
}

export const badRequest = (message: string, code = 'bad_request'): BoxError => new BoxError(400, code, message);
/** One named field is wrong. */
export const invalid = (name: string, message: string): BoxError =>
  new BoxError(400, 'bad_request', 'Bad Request', {
    context: { errors: [{ reason: 'invalid_parameter', name, message }] },
  });
export const notFound = (): BoxError => new BoxError(404, 'not_found', 'Not Found');
export const notTrashed = (): BoxError => new BoxError(404, 'not_trashed', 'Item is not trashed');
export const denied = (): BoxError =>
  new BoxError(403, 'access_denied_insufficient_permissions', 'Access denied - insufficient permission');
export const locked = (): BoxError => new BoxError(403, 'access_denied_item_locked', 'Access denied - item locked');
export const stale = (): BoxError =>
  new BoxError(412, 'precondition_failed', 'The resource has been modified. Please retrieve the resource again');
export const throttled = (seconds: number): BoxError =>
  new BoxError(429, 'rate_limit_exceeded', 'Request rate limit exceeded, please try again later', {
    headers: { 'retry-after': String(seconds) },
  });
export const nameInUse = (conflicts: unknown): BoxError =>
  new BoxError(409, 'item_name_in_use', 'Item with the same name already exists', { context: { conflicts } });
export const conflict = (code: string, message: string): BoxError => new BoxError(409, code, message);

const challenge = (error: string, description: string): Record<string, string> => ({
  'www-authenticate': `Bearer realm="Service", error="${error}", error_description="${description}"`,
});
export const invalidToken = (): BoxError =>
  new BoxError(401, 'unauthorized', 'Unauthorized', {
    headers: challenge('invalid_token', 'The access token provided is invalid.'),
    spoken: false,
  });
export const insufficientScope = (): BoxError =>
  new BoxError(403, 'insufficient_scope', 'Forbidden', {
    headers: challenge(
      'insufficient_scope',
      'The request requires higher privileges than provided by the access token.',
    ),
    spoken: false,
  });
