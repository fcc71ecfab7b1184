import type { Duplex } from 'node:stream';
import type { Link } from './delivery.ts';

/** A client that has taken nothing of what is sent to it for so long is not there any more. */
const frozenMsMax = 5_000;

/**
 * A link that writes to a stream, all of one turn of the event loop at once. `onRoom` is called when it wants more after it
 * did not, `onFrozen` when the client takes nothing.
 */
export function createLink(stream: Duplex, { onRoom, onFrozen }: { onRoom: () => void; onFrozen: () => void }): Link {
  let isCorked = false;
  let timer: NodeJS.Timeout | undefined;
  const uncork = () => {
    isCorked = false;
    stream.uncork();
  };
  stream.on('drain', () => {
    clearTimeout(timer);
    timer = undefined;
    onRoom();
  });
  stream.once('close', () => clearTimeout(timer));
  return (packet) => {
    if (stream.destroyed || stream.writableEnded) return false;
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      process.nextTick(uncork);
    }
    const hasRoom = stream.write(packet);
    if (!hasRoom) timer ??= setTimeout(onFrozen, frozenMsMax).unref();
    return hasRoom;
  };
}
