/** How long a submission may wait for its job to finish, in seconds. */
export const MAX_WAIT_SECONDS = 60;
