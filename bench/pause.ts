/**
 * Pauses the queue of a type, so that its jobs wait.
 * @param url of a replica
 * @throws {Error} if the call is rejected
 */
export async function pauseQueue(url: string, type: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/queues/${type}/pause`, { method: "POST" });
  if (!response.ok) throw new Error(`a pause was answered with ${response.status}: ${await response.text()}`);
}
