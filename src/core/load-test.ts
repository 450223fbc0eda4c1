/** What a job type declares for the load test. */

/** How the load test submits jobs of a type. */
export interface LoadTest<Payload> {
  /** The weight of the type among all jobs; the weights need no fixed sum. */
  readonly share: number;
  /** Creates the payload of job number `n`. An object that it returns repeatedly is encoded once. */
  readonly payload: (n: number, peers: LoadPeers) => Payload;
}

/** The servers that a load test starts for its jobs. */
export interface LoadPeers {
  readonly webhookUrl: string;
  readonly imageUrl: string;
  /** The image at `imageUrl`, for jobs that contain their image. */
  readonly imageBase64: string;
}
