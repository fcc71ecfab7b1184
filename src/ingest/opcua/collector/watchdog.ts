/**
 * Notices a link that is dead without having been closed. The library waits for the operating system, which takes
 * minutes, and for timeouts of requests that a half-open link still accepts.
 */
import type { Caller } from '../client/call.ts';
import { statusOf, TroubleError } from '../client/trouble.ts';
import type { Trouble } from '../connection.ts';
import { askServerState } from './server-facts.ts';
import type { Subscription } from './subscription.ts';

export type Watchdog = { stop(): void };

export type WatchdogOptions = {
  readonly caller: Caller;
  readonly subscriptions: ReadonlyMap<number, Subscription>;
  /** Publish requests are held back: nothing is to be expected. */
  isHeld(): boolean;
  onBroken(error: unknown): void;
  /** The server answers, and says that it is not running; null once it is. */
  onServerState(trouble: Trouble | null): void;
};

const tickMs = 500;
const keepAliveMs = 2_500;
/** No byte for so long, though an answer is due: nobody is there. */
const silenceMsMax = 6_500;
/** Bytes come, but not the answer. */
const answerMsMax = 30_000;
/** Subscriptions may be silent for so many of their own keep-alives. */
const keepAlivesMissedMax = 3;
const subscriptionSilenceMsMin = 5_000;

export function startWatchdog({ caller, subscriptions, isHeld, onBroken, onServerState }: WatchdogOptions): Watchdog {
  let lastTickMs = Date.now();
  let lastBytes = caller.client.bytesRead;
  let lastByteMs = lastTickMs;
  let lastAskedMs = lastTickMs;
  let askedMs: number | null = null;

  const ask = (nowMs: number) => {
    askedMs = nowMs;
    lastAskedMs = nowMs;
    askServerState(caller, answerMsMax).then(
      () => {
        askedMs = null;
        onServerState(null);
      },
      (error) => {
        askedMs = null;
        if (error instanceof TroubleError) onServerState(error.trouble);
        else if (isFatal(error)) onBroken(error);
      },
    );
  };

  const tick = () => {
    const nowMs = Date.now();
    // This program stood still itself: the server was not heard because nobody listened.
    const stoodStill = nowMs - lastTickMs > 4 * tickMs;
    if (stoodStill) lastByteMs = nowMs;
    if (stoodStill || isHeld()) {
      for (const subscription of subscriptions.values()) subscription.lastHeardMs = nowMs;
    }
    lastTickMs = nowMs;
    const bytes = caller.client.bytesRead;
    if (bytes !== lastBytes) {
      lastBytes = bytes;
      lastByteMs = nowMs;
    }
    if (askedMs === null && nowMs - lastAskedMs >= keepAliveMs) ask(nowMs);
    if (askedMs !== null && nowMs - Math.max(askedMs, lastByteMs) > silenceMsMax) {
      onBroken(new TroubleError(silent(`nothing came from it for ${Math.round((nowMs - lastByteMs) / 1_000)} s`)));
    } else if ([...subscriptions.values()].some((subscription) => isSilent(subscription, nowMs))) {
      onBroken(new TroubleError(silent('a subscription is silent, without even a keep-alive')));
    }
  };

  const timer = setInterval(tick, tickMs);
  return { stop: () => clearInterval(timer) };
}

function isSilent({ lastHeardMs, publishingIntervalMs, keepAliveCount }: Subscription, nowMs: number): boolean {
  const silenceMs = keepAlivesMissedMax * publishingIntervalMs * keepAliveCount;
  return nowMs - lastHeardMs > Math.max(subscriptionSilenceMsMin, silenceMs);
}

/** A status such as BadTooManyOperations or BadUserAccessDenied is an answer: the link lives. */
function isFatal(error: unknown): boolean {
  const status = statusOf(error);
  return status === null || /Session|SecureChannel|Connection|Timeout/.test(status);
}

const silent = (what: string): Trouble => ({
  code: 'not_responding',
  detail: `The server does not respond: ${what}. The connection is made anew.`,
});
