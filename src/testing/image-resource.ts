/** Opens the resource of `image_resize` in the process of a test. It starts the image process as a replica does. */
import { ChildProcesses } from "../execute/child-processes.ts";
import { DEFAULT_MAX_PIXELS } from "../jobs/image-resize/decoding.ts";
import { Renderer } from "../jobs/image-resize/image-process-client.ts";
import { type ImageResource, type ImageSettings, openImageResource } from "../jobs/image-resize/resize.ts";

const processes = new ChildProcesses();
const start = (request: Parameters<ChildProcesses["start"]>[1]): void => processes.start(0, request);
/** All tests of a file share one renderer, because its start takes time. */
const renderer = new Renderer(start);

export async function openTestImageResource(
  settings: Omit<ImageSettings, "IMAGE_MAX_PIXELS"> & Partial<ImageSettings>,
): Promise<ImageResource> {
  return { ...(await openImageResource({ IMAGE_MAX_PIXELS: DEFAULT_MAX_PIXELS, ...settings }, start)), renderer };
}

/** Call it in `afterAll`. */
export async function closeImageProcesses(): Promise<void> {
  renderer.close();
  await processes.close();
}
