/** Gateways that die, pause, drain, or stand still. */
import type { SiteScenario } from "../scenario.ts";
import { block, drain, kill, oneOf, outOfMemory, pauseBeyondLife } from "./pods.ts";

const LOOP_BLOCKED_MS = 10_000;

export const gateways = {
  "gateway-kill": {
    numbers: [11],
    says: "kill -9 of a gateway with its phones",
    on: "site",
    strike: (scene) => kill(scene, oneOf(scene, scene.site.gateways)),
    least: { was_dead: 1, connections: 1, came_back: 1 },
    most: { slowest_welcome_ms: 2_000, late_percent: 5 },
  },
  "gateways-rolling": {
    numbers: [12],
    says: "SIGTERM of every gateway in turn under load, as a deployment does",
    on: "site",
    strike: (scene) => drain(scene, scene.site.gateways),
    least: { drained: 2 },
    most: { longest_drain_ms: 30_000 },
  },
  "gateway-stopped": {
    numbers: [13],
    says: "SIGSTOP of a gateway beyond its life, and its waking: no write under its old tenures",
    on: "site",
    strike: (scene) => pauseBeyondLife(scene, oneOf(scene, scene.site.gateways)),
    least: { was_stopped: 1, lives_lost: 1 },
  },
  "gateway-loop-blocked": {
    numbers: [14],
    says: "A gateway's event loop stands for 10 s",
    on: "site",
    strike: (scene) => block(scene, oneOf(scene, scene.site.gateways), LOOP_BLOCKED_MS),
    least: { stood_ms: LOOP_BLOCKED_MS, lives_lost: 1 },
  },
  "gateway-out-of-memory": {
    numbers: [20],
    says: "The kernel gives a gateway no more memory until it dies of it",
    on: "site",
    strike: (scene) => outOfMemory(scene, oneOf(scene, scene.site.gateways)),
    least: { died: 1 },
  },
} as const satisfies Record<string, SiteScenario>;
