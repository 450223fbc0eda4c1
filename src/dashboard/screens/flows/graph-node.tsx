/** A node of the graph: its name, what it is, and its status. */
import type { JSX } from "preact";
import { Component } from "preact";
import { follow } from "../../parts/link.tsx";
import { CountsBar } from "./counts-bar.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { kindText, labelOf, whenText } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";
import type { Point } from "./layered-layout.ts";
import { NODE_HEIGHT, NODE_WIDTH } from "./layered-layout.ts";
import type { Obstacle } from "./obstacle.ts";
import { obstacleText } from "./obstacle.ts";
import { urlOfNode } from "./url-of-node.ts";

interface GraphNodeProps {
  readonly flowId: string;
  readonly node: NamedNode;
  readonly index: number;
  readonly place: Point;
  readonly isCurrent: boolean;
  /** Whether Tab reaches it. */
  readonly isTabStop: boolean;
  readonly obstacle: Obstacle | undefined;
  readonly onFocus: (index: number) => void;
  readonly onLook: (index: number) => void;
}

/** The label of a node has all else that it shows. */
const COMPARED = ["index", "place", "isCurrent", "isTabStop"] as const;

/** Rendered again only if what it shows has changed: a flow may have 1,000 nodes. */
export class GraphNode extends Component<GraphNodeProps> {
  override shouldComponentUpdate(next: GraphNodeProps): boolean {
    const { node, obstacle } = this.props;
    return (
      COMPARED.some((name) => next[name] !== this.props[name]) ||
      labelOf(next.node) !== labelOf(node) ||
      next.node.job_id !== node.job_id ||
      next.obstacle?.count !== obstacle?.count ||
      next.obstacle?.kind !== obstacle?.kind
    );
  }

  override render(): JSX.Element {
    const { flowId, node, index, place, isCurrent, isTabStop, obstacle, onFocus, onLook } = this.props;
    const { name, status, counts } = node;
    const url = urlOfNode(flowId, node);
    const label = labelOf(node) + (obstacle ? `, ${obstacleText(obstacle)}` : "");
    return (
      <li style={{ left: `${place.x}px`, top: `${place.y}px`, width: `${NODE_WIDTH}px`, height: `${NODE_HEIGHT}px` }}>
        <a
          class={`graph-node of-${status} ${obstacle ? "obstacle" : ""}`}
          href={url}
          data-node={index}
          tabIndex={isTabStop ? 0 : -1}
          aria-current={isCurrent ? true : undefined}
          title={label}
          onClick={(event) => follow(event, urlOfNode(flowId, node))}
          onFocus={() => onFocus(index)}
          onPointerEnter={() => onLook(index)}
        >
          <span class="graph-name">{name}</span>
          <span class="graph-kind muted">{kindText(node)}</span>
          <span class="graph-foot">
            <FlowStatusMark value={status} />
            {counts === null ? null : <CountsBar counts={counts} />}
          </span>
          <span class="off-screen">
            {whenText(node)} {obstacle ? obstacleText(obstacle) : ""}
          </span>
        </a>
        {obstacle ? (
          <span class={`graph-badge ${obstacle.kind}`} aria-hidden="true">
            {obstacleText(obstacle)}
          </span>
        ) : null}
      </li>
    );
  }
}
