// How the program is run: by `npm start`, and by tests, load tests and benchmarks. A test holds the Dockerfile to it.

/** Options of Node.js. Without pretenuring, objects of large bursts are not put into the old generation at once. */
export const NODE_OPTIONS = ["--no-allocation-site-pretenuring"];

/** The size of libuv's pool, in which sharp, zlib and the file system work; Node.js reads it when it starts. */
export const UV_THREADPOOL_SIZE = "16";

/** glibc gives buffers of this many bytes and more back when they are freed. Without it, it keeps those of sizes seen before. */
export const MALLOC_MMAP_THRESHOLD = "4194304";
