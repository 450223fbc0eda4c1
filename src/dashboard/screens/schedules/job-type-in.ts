/** The type of the job of a schedule; "" where it has none. */
export function jobTypeIn(job: unknown): string {
  const type = typeof job === "object" && job !== null && "type" in job ? job.type : undefined;
  return typeof type === "string" ? type : "";
}
