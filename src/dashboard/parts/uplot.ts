/** The chart library, which the bundler puts into a separate chunk. */
import type { AlignedData, Options } from "uplot";
import UPlot from "uplot";

export function draw(host: HTMLElement, options: Options, data: AlignedData): UPlot {
  return new UPlot(options, data, host);
}
