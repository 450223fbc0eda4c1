/** The graph of a flow in its panel: sizes, and notes about what is not drawn. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { route, setQuery } from "../../app/router.ts";
import { Button } from "../../parts/button.tsx";
import { Panel } from "../../parts/page.tsx";
import { FlowGraph } from "./flow-graph.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import type { Drawing } from "./graph-layout.ts";
import { drawingOf } from "./graph-layout.ts";
import { GraphLegend } from "./graph-legend.tsx";
import type { Direction } from "./layered-layout.ts";
import { extentOf, LAYER_GAP, MARGIN, NODE_GAP, NODE_HEIGHT } from "./layered-layout.ts";
import type { Before } from "./node-order.ts";
import { beforeOf } from "./node-order.ts";
import type { Obstacle } from "./obstacle.ts";

export interface GraphPanelProps {
  /** Of the flow. */
  readonly id: string;
  readonly nodes: readonly NamedNode[];
  readonly obstacle: Obstacle | undefined;
  /** The node whose jobs are listed. */
  readonly current: string | undefined;
}

const SCALES = [0.25, 0.5, 0.75, 1];
const LEAST_SCALE = 0.1;
const MIN_HEIGHT = 140;
const MAX_HEIGHT = 520;

export function GraphPanel(props: GraphPanelProps): JSX.Element {
  const { nodes } = props;
  const direction = useDirection();
  const shape = nodes.map(({ name, after, results_of: of }) => `${name}:${after.join()}:${of ?? ""}`).join(";");
  const before = useMemo(() => beforeOf(nodes), [shape]);
  const drawing = useDrawing(before, direction);
  const height = useMemo(() => heightFor(before, direction), [before, direction]);
  const scroller = useRef<HTMLDivElement>(null);
  const zoom = route().query.get("zoom");
  const scale = drawing ? scaleFor(zoom, drawing, scroller.current, height) : 1;
  return (
    <Panel
      title="Graph"
      aside={
        <div class="actions graph-zoom">
          <Button kind="quiet" label="Smaller" onPress={() => zoomTo(SCALES.filter((each) => each < scale).at(-1))}>
            −
          </Button>
          <span class="graph-scale">{Math.round(scale * 100)} %</span>
          <Button kind="quiet" label="Larger" onPress={() => zoomTo(SCALES.find((each) => each > scale))}>
            +
          </Button>
          <Button
            kind="quiet"
            isPressed={zoom === "fit"}
            onPress={() => setQuery({ zoom: zoom === "fit" ? null : "fit" })}
          >
            Fit
          </Button>
        </div>
      }
    >
      <div ref={scroller} class="graph" style={{ height: `${height}px` }}>
        {drawing ? (
          <FlowGraph {...props} before={before} drawing={drawing} direction={direction} scale={scale} />
        ) : null}
      </div>
      <GraphLegend nodes={nodes} drawing={drawing} />
    </Panel>
  );
}

function zoomTo(scale: number | undefined): void {
  if (scale !== undefined) setQuery({ zoom: scale === 1 ? null : String(scale * 100) });
}

function scaleFor(zoom: string | null, drawing: Drawing, scroller: HTMLElement | null, height: number): number {
  if (zoom === "fit") {
    const width = scroller?.clientWidth ?? drawing.width;
    return Math.max(LEAST_SCALE, Math.min(1, width / drawing.width, height / drawing.height));
  }
  return SCALES.find((each) => String(each * 100) === zoom) ?? 1;
}

/** Known before the drawing, so that nothing below moves when it comes. */
function heightFor(before: Before, direction: Direction): number {
  const { layers, breadth } = extentOf(before);
  const [count, gap] = direction === "right" ? [breadth, NODE_GAP] : [layers, LAYER_GAP];
  const needed = count * (NODE_HEIGHT + gap) - gap + 2 * MARGIN + 16; // with room for a scroll bar
  return Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, needed));
}

function useDirection(): Direction {
  const narrow = useMemo(() => matchMedia("(max-width: 760px)"), []);
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const onChange = (): void => setNarrow(narrow.matches);
    narrow.addEventListener("change", onChange);
    return () => narrow.removeEventListener("change", onChange);
  }, []);
  return isNarrow ? "down" : "right";
}

/** Undefined until it is computed: the graph library is loaded for the first one. */
function useDrawing(before: Before, direction: Direction): Drawing | undefined {
  const [drawn, setDrawn] = useState<{ readonly drawing: Drawing; readonly of: Before; readonly in: Direction }>();
  useEffect(() => {
    let isLatest = true;
    drawingOf(before, direction).then(
      (drawing) => {
        if (isLatest) setDrawn({ drawing, of: before, in: direction });
      },
      () => location.reload(), // a new version of the server has other files
    );
    return () => {
      isLatest = false;
    };
  }, [before, direction]);
  return drawn && drawn.of === before && drawn.in === direction ? drawn.drawing : undefined;
}
