/** The bridge protocol of KakaoTalk phones: TCP, one line a frame, in the dialect that each connection shows. */
import { limits } from "#common/contract/limits.ts";
import type { Platform, Session } from "../platform.ts";
import { readLine } from "./decode.ts";
import { type Dialect, learn } from "./dialect.ts";
import { busyMs, encodeAction, encodePing, encodePong, encodeWelcome } from "./encode.ts";
import { createFramer } from "./framer.ts";
import { verify } from "./signature.ts";

export const bridge: Platform = { name: "bridge", open, verify };

function open(): Session {
  const framer = createFramer(limits.frameBytesMax);
  let dialect: Dialect = "unknown";
  let named = false;
  return {
    push: framer.push,
    decode(frame) {
      const { decoded, shape } = readLine(frame);
      dialect = learn(dialect, shape);
      if (decoded.kind === "handshake") named = true;
      // Handshakes come again mid-session, from the phone's queue: a bad one then is no reason to hang up.
      if (decoded.kind === "refuse" && named) return { ...decoded, kind: "fault" };
      return decoded;
    },
    // Clients before 3.2 were sent no answer to their handshake; they ignore it, so all get it.
    welcome: encodeWelcome,
    encode: (action, options) => encodeAction(dialect, action, options),
    ping: encodePing,
    pong: encodePong,
    busyMs: (action) => busyMs(dialect, action),
  };
}
