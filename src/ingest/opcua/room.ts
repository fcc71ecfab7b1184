import type { Intake } from '../intake/intake.ts';

/**
 * Whether the intake takes more. When it has dropped something, it is asked for no more until messages are committed again: the
 * server keeps for a while what it has.
 */
export function createRoom(intake: Intake) {
  const listeners: (() => void)[] = [];
  const lookMs = 500;
  let timer: NodeJS.Timeout | undefined;
  const isThere = () => timer === undefined && !intake.isFull();
  const tell = () => {
    if (isThere()) for (const listener of listeners) listener();
  };
  const look = () => {
    timer = undefined;
    if (intake.state() === 'working') tell();
    else timer = setTimeout(look, lookMs);
  };
  return {
    isThere,
    tell,
    listen: (listener: () => void) => void listeners.push(listener),
    refuse: () => {
      timer ??= setTimeout(look, lookMs);
    },
    close: () => {
      listeners.length = 0;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
