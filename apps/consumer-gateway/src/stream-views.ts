import type { Position } from '@motience/stream-log';
import type { Joiner, NarrowedView, ViewSocket } from './narrowed-view.ts';
import type { Narrowing } from './narrowing.ts';
import { topicOf } from './narrowing.ts';

/** The views of one stream that somebody receives, found by the device they are about. */
export class StreamViews {
  private readonly byTopic = new Map<string, NarrowedView>();
  private readonly ofDevice = new Map<string, Set<NarrowedView>>();
  private readonly ofAllDevices = new Set<NarrowedView>();

  constructor(
    private readonly producerId: string,
    private readonly createView: (narrowing: Narrowing) => NarrowedView,
  ) {}

  get isEmpty(): boolean {
    return this.byTopic.size === 0;
  }

  all(): Iterable<NarrowedView> {
    return this.byTopic.values();
  }

  /** The views that a device's readings belong to. */
  *about(deviceId: string): Generator<NarrowedView> {
    yield* this.ofAllDevices;
    yield* this.ofDevice.get(deviceId) ?? [];
  }

  /** The view that a socket has joined. */
  join(narrowing: Narrowing, socket: ViewSocket, joinerOf: (view: NarrowedView) => Joiner): void {
    const topic = topicOf(this.producerId, narrowing);
    let view = this.byTopic.get(topic);
    if (!view) {
      view = this.createView(narrowing);
      this.byTopic.set(topic, view);
      this.siblingsOf(narrowing).add(view);
    }
    view.join(socket, joinerOf(view));
  }

  leave(narrowing: Narrowing, socket: ViewSocket): void {
    const topic = topicOf(this.producerId, narrowing);
    const view = this.byTopic.get(topic);
    if (!view) return;
    view.leave(socket);
    if (!view.isEmpty) return;
    this.byTopic.delete(topic);
    const siblings = this.siblingsOf(narrowing);
    siblings.delete(view);
    if (siblings.size === 0 && narrowing.deviceId !== undefined) this.ofDevice.delete(narrowing.deviceId);
  }

  /** Up to where a socket that joined got all it is to get, when the stream stands at `at`. */
  positionOf(narrowing: Narrowing, socket: ViewSocket, at: Position): Position {
    return this.byTopic.get(topicOf(this.producerId, narrowing))?.positionOf(socket, at) ?? at;
  }

  private siblingsOf({ deviceId }: Narrowing): Set<NarrowedView> {
    if (deviceId === undefined) return this.ofAllDevices;
    const siblings = this.ofDevice.get(deviceId) ?? new Set();
    this.ofDevice.set(deviceId, siblings);
    return siblings;
  }
}
