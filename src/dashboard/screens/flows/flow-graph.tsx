/** The nodes and lines of a flow. The arrow keys move between the nodes; Enter opens one. */
import type { JSX } from "preact";
import { Component } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { NamedNode } from "./flow-nodes.ts";
import type { Drawing } from "./graph-layout.ts";
import { GraphNode } from "./graph-node.tsx";
import type { GraphPanelProps } from "./graph-panel.tsx";
import { nextNode } from "./graph-walk.ts";
import type { Direction } from "./layered-layout.ts";
import { NODE_HEIGHT, NODE_WIDTH, pathOf } from "./layered-layout.ts";
import type { Before, Edge } from "./node-order.ts";
import { dependentsOf } from "./node-order.ts";

interface FlowGraphProps extends GraphPanelProps {
  readonly before: Before;
  readonly drawing: Drawing;
  readonly direction: Direction;
  readonly scale: number;
}

export function FlowGraph(props: FlowGraphProps): JSX.Element {
  const { id, nodes, obstacle, current, before, drawing, direction, scale } = props;
  const host = useRef<HTMLDivElement>(null);
  const [looked, setLooked] = useState<number | undefined>(undefined);
  const start = Math.max(0, obstacle?.at ?? nodes.findIndex(({ name }) => name === current));
  const [tabStop, setTabStop] = useState<number | undefined>(undefined);
  const focused = Math.min(tabStop ?? start, nodes.length - 1);
  useEffect(() => showPlace(host.current, drawing.places[start], scale), [drawing, scale]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = nextNode(event.key, focused, drawing.places);
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    host.current?.querySelector<HTMLElement>(`[data-node="${next}"]`)?.focus();
  };
  const onFocus = useRef((index: number): void => {
    setTabStop(index);
    setLooked(index);
  }).current;
  return (
    <div
      ref={host}
      class="graph-space"
      style={{ width: `${drawing.width * scale}px`, height: `${drawing.height * scale}px` }}
      onKeyDown={onKeyDown}
      onPointerLeave={() => setLooked(undefined)}
    >
      <div
        class="graph-drawing"
        style={{ width: `${drawing.width}px`, height: `${drawing.height}px`, transform: `scale(${scale})` }}
      >
        <Lines drawing={drawing} nodes={nodes} whens={nodes.map(({ when }) => when).join()} />
        <LinesOf {...props} before={before} direction={direction} looked={looked} />
        <ul aria-label="Nodes, in the order of the request; the arrow keys move between them">
          {nodes.map((node, index) => (
            <GraphNode
              key={node.name}
              flowId={id}
              node={node}
              index={index}
              place={drawing.places[index] ?? { x: 0, y: 0 }}
              isCurrent={node.name === current}
              isTabStop={index === focused}
              obstacle={obstacle?.at === index ? obstacle : undefined}
              onFocus={onFocus}
              onLook={setLooked}
            />
          ))}
        </ul>
      </div>
    </div>
  );
}

/** Scrolls only the graph, not the page. */
function showPlace(
  host: HTMLElement | null,
  place: { readonly x: number; readonly y: number } | undefined,
  scale: number,
): void {
  const scroller = host?.parentElement;
  if (!scroller || !place) return;
  scroller.scrollTo({
    left: (place.x + NODE_WIDTH / 2) * scale - scroller.clientWidth / 2,
    top: (place.y + NODE_HEIGHT / 2) * scale - scroller.clientHeight / 2,
  });
}

interface LinesProps {
  readonly drawing: Drawing;
  readonly nodes: readonly NamedNode[];
  /** When each node runs: all else about the nodes does not change the lines. */
  readonly whens: string;
}

/** Rendered again only for another drawing: there may be thousands. */
class Lines extends Component<LinesProps> {
  override shouldComponentUpdate({ drawing, whens }: LinesProps): boolean {
    return drawing !== this.props.drawing || whens !== this.props.whens;
  }

  override render(): JSX.Element {
    const { drawing, nodes } = this.props;
    return (
      <svg class="graph-lines" width={drawing.width} height={drawing.height} aria-hidden="true">
        <defs>
          <marker id="graph-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0 0.5L8 4L0 7.5z" class="edge-arrow" />
          </marker>
        </defs>
        {drawing.edges.map(({ from, to, path }) => (
          <path
            key={`${from} ${to}`}
            class={`edge when-${nodes[to]?.when ?? ""}`}
            d={path}
            marker-end="url(#graph-arrow)"
          />
        ))}
      </svg>
    );
  }
}

/** The lines of the node that the user looks at, over the others. */
function LinesOf({
  nodes,
  before,
  drawing,
  direction,
  looked,
}: FlowGraphProps & { readonly looked: number | undefined }): JSX.Element | null {
  const dependents = useMemo(() => dependentsOf(before), [before]);
  const known = useMemo(() => new Map(drawing.edges.map((edge) => [`${edge.from} ${edge.to}`, edge.path])), [drawing]);
  if (looked === undefined) return null;
  const own: Edge[] = [
    ...(before[looked] ?? []).map((from) => ({ from, to: looked })),
    ...(dependents[looked] ?? []).map((to) => ({ from: looked, to })),
  ];
  return (
    <svg class="graph-lines looked" width={drawing.width} height={drawing.height} aria-hidden="true">
      {own.map((edge) => (
        <path
          key={`${edge.from} ${edge.to}`}
          class={`edge when-${nodes[edge.to]?.when ?? ""}`}
          d={known.get(`${edge.from} ${edge.to}`) ?? pathOf(drawing.places, edge, direction)}
        />
      ))}
    </svg>
  );
}
