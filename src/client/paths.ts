/** The paths of single things in the API. */

export function jobPath(id: string): string {
  return `/api/v1/jobs/${encodeURIComponent(id)}`;
}

export function queuePath(type: string): string {
  return `/api/v1/queues/${encodeURIComponent(type)}`;
}

export function schedulePath(name: string): string {
  return `/api/v1/schedules/${encodeURIComponent(name)}`;
}

export function flowPath(id: string): string {
  return `/api/v1/flows/${encodeURIComponent(id)}`;
}

export function batchPath(id: string): string {
  return `/api/v1/batches/${encodeURIComponent(id)}`;
}

export function mailPath(id: string): string {
  return `/dev/mail/${encodeURIComponent(id)}`;
}
