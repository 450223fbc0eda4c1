/** Submits batches of a thousand jobs with `POST /api/v1/jobs/batch`, four requests at a time. */
const BATCH_JOBS = 1_000;
const IN_FLIGHT = 4;

/**
 * Submits `count` identical jobs, and resolves when the server has answered all batches. It encodes each body only
 * once, so submitting costs little CPU.
 * @param url of a replica
 * @param job one job as JSON
 * @throws {Error} if a batch is rejected
 */
export async function submitBatches(url: string, count: number, job: string): Promise<void> {
  let left = count;
  const full = bodyOf(BATCH_JOBS, job);
  const submit = async (): Promise<void> => {
    while (left > 0) {
      const jobs = Math.min(left, BATCH_JOBS);
      left -= jobs;
      const body = jobs === BATCH_JOBS ? full : bodyOf(jobs, job);
      const response = await fetch(`${url}/api/v1/jobs/batch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      const text = await response.text();
      if (response.status !== 202)
        throw new Error(`a batch was answered with ${response.status}: ${text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, submit));
}

function bodyOf(jobs: number, job: string): string {
  return `{"jobs":[${Array.from({ length: jobs }, () => job).join(",")}]}`;
}
