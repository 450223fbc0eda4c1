/** The job that delivers a callback. Its type also checks which URLs a `callback_url` may be. */
export const CALLBACK_TYPE = "webhook";
/** The default priority: callbacks wait as other jobs do. */
export const CALLBACK_PRIORITY = 5;
