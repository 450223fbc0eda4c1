// The options with which `npm start`, tests, load tests and benchmarks run the program. start.test.ts compares the
// Dockerfile with it.

/**
 * Options of Node.js. With pretenuring, V8 allocates short-lived objects in the old space, which only full collections
 * free.
 */
export const NODE_OPTIONS = ["--no-allocation-site-pretenuring"];

/** The size of libuv's pool, in which sharp, zlib and the file system work; Node.js reads it when it starts. */
export const UV_THREADPOOL_SIZE = "16";

/**
 * glibc returns freed buffers of at least this many bytes to the system. Without this setting, it raises the threshold
 * to the size of the largest freed buffer.
 */
export const MALLOC_MMAP_THRESHOLD = "4194304";
