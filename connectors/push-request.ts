/** What an app sent to our API, before it is known whose it is. */
export interface PushRequest {
  method: string;
  /** Segments after `/webhooks/<app>/`. */
  path: readonly string[];
  headers: Readonly<Record<string, string | undefined>>;
  query: Readonly<Record<string, string | undefined>>;
  body: Uint8Array;
}

export interface PushAnswer {
  status: number;
  contentType?: string;
  body?: string;
}
