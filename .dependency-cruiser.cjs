// Who may know whom (ARCHITECTURE.md draws it). Each rule says WHY, because its comment is what a developer reads when it
// fires. Where a folder shall know little, the rule lists what it may know, so that a new folder is forbidden until
// someone thinks about it. test/architecture/dependencies.test.ts plants a violation of every rule and sees it reported.
// What no import shows (Date.now, Math.random, process.env) is checked by test/architecture/house.test.ts.

const TEST = "[.]test[.]ts$";
const TOOLS = "^(test|scripts|bench)/";
const MAINS = "^(gateway/main|workers/(main|migrate)|console/cli/main)[.]ts$";
const DRIVERS = "^(ioredis|bullmq|mysql2|kysely|redis)(/|$)|node_modules/(ioredis|bullmq|mysql2|kysely|redis)/";
const SOCKETS = "^(node:)?(net|tls|http|https|http2|dgram)$";
const TIMERS = "^(node:)?timers(/promises)?$";
const HASHES = "^(node:)?crypto$";
const BYTES = "^(node:)?(buffer|crypto)$";

const outside = (...paths) => paths.join("|");

const pods = [
  {
    name: "common-knows-no-pod",
    comment: "common/ is part of every pod; an import back would tie their releases together.",
    from: { path: "^common/" },
    to: { path: "^(gateway|workers|console)/" },
  },
  {
    name: "pods-meet-only-on-the-wire",
    comment: "Pods are deployed one by one; what they know of each other is common/contract.",
    from: { path: "^(gateway|workers|console)/" },
    to: { path: "^(gateway|workers|console)/", pathNot: "^$1/" },
  },
];

const bedrock = [
  {
    name: "kernel-is-bedrock",
    comment: "kernel/ knows nothing of ours, no package and nothing of Node, so that anything may stand on it.",
    from: { path: "^common/kernel/", pathNot: TEST },
    to: { pathNot: "^common/kernel/" },
  },
  {
    name: "contract-is-bedrock",
    comment: "The wire contract depends on itself and the kernel; a hash is the only thing it takes from Node.",
    from: { path: "^common/contract/", pathNot: TEST },
    to: { pathNot: outside("^common/(contract|kernel)/", HASHES) },
  },
  {
    name: "ports-name-no-technology",
    comment: "A port that shows a driver's type, a setting or a metric can have no second backend.",
    from: { path: "^common/ports/", pathNot: TEST },
    to: { pathNot: "^common/(contract|kernel|ports)/" },
  },
  {
    name: "access-stands-on-ports",
    comment:
      "What a pod believes of who may talk is judged over ports and a clock, so that it is tested without a server.",
    from: { path: "^common/access/", pathNot: TEST },
    to: { pathNot: "^common/(access|contract|kernel|observe|ports)/" },
  },
];

const pure = [
  {
    name: "domain-and-commands-are-pure",
    comment:
      "A turn must decide the same when it is run again: no port, driver, socket, clock, environment or package.",
    from: { path: "^workers/(domain|commands)/", pathNot: TEST },
    to: { pathNot: outside("^workers/(domain|commands)/", "^common/contract/", "^common/kernel/(?!clock[.]ts$)") },
  },
  {
    name: "domain-knows-no-command",
    comment: "Commands stand on the domain. The other way round a command could not be deleted.",
    from: { path: "^workers/domain/", pathNot: TEST },
    to: { path: "^workers/commands/" },
  },
  {
    name: "commands-do-not-know-each-other",
    comment:
      "A command is deleted by deleting its folder and its catalogue line. Shared rules move down to workers/domain.",
    from: { path: "^workers/commands/([^/]+)/" },
    to: { path: "^workers/commands/[^/]+/", pathNot: "^workers/commands/$1/" },
  },
  {
    name: "platforms-are-codecs",
    comment:
      "A platform turns bytes into events and actions into bytes. It opens no socket and no store and asks no clock.",
    from: { path: "^gateway/platforms/", pathNot: TEST },
    to: {
      pathNot: outside(
        "^gateway/platforms/",
        "^common/(contract|kernel)/",
        "^common/observe/(frame-faults|signature-results)[.]ts$",
        BYTES,
      ),
    },
  },
  {
    name: "platforms-do-not-know-each-other",
    comment: "A platform is deleted by deleting its folder and its catalogue line.",
    from: { path: "^gateway/platforms/([^/]+)/" },
    to: { path: "^gateway/platforms/[^/]+/", pathNot: "^gateway/platforms/$1/" },
  },
];

const edges = [
  {
    name: "drivers-only-behind-ports",
    comment:
      "Clients of Redis, BullMQ and MySQL live in common/backends and workers/stores: nothing else can depend on them.",
    from: { pathNot: outside("^common/backends/", "^workers/stores/", TOOLS) },
    to: { path: DRIVERS },
  },
  {
    name: "only-main-names-a-backend",
    comment: "Wiring happens once, in the composition root. A store may use the pool of its own technology.",
    from: { pathNot: outside("^common/backends/", "^workers/stores/", MAINS, TOOLS, TEST) },
    to: { path: ["^common/backends/", "^workers/stores/"] },
  },
  {
    name: "memory-is-no-backend-of-a-pod",
    comment: "The memory twins forget everything at exit; they serve tests, the simulation and nothing else.",
    from: { path: "^(common|gateway|workers|console)/", pathNot: outside("^common/backends/memory/", TEST) },
    to: { path: "^common/backends/memory/" },
  },
  {
    name: "sockets-only-in-listeners",
    comment: "What lies behind a listener is tested without a port.",
    from: {
      path: "^(common|gateway|workers|console)/",
      pathNot: outside("^gateway/listeners/", "^common/observe/(ops-server|admin-door)[.]ts$", TEST),
    },
    to: { path: SOCKETS },
  },
  {
    name: "time-comes-as-a-clock",
    comment: "A simulation owns the time; only the system backend asks the machine for it.",
    from: { path: "^(common|gateway|workers|console)/", pathNot: "^common/backends/system/" },
    to: { path: TIMERS },
  },
];

const hygiene = [
  {
    name: "no-test-code-in-product",
    comment: "Fixtures and simulators are not shipped.",
    from: { path: "^(common|gateway|workers|console)/", pathNot: TEST },
    to: { path: outside("^test/", TEST) },
  },
  {
    name: "product-knows-no-scripts",
    comment: "Scripts, benchmarks and manifests are about the product, boards and alerts watch it; a pod carries none.",
    from: { path: "^(common|gateway|workers|console)/" },
    to: { path: "^(scripts|bench|deploy|grafana)/" },
  },
  {
    name: "what-is-made-is-data",
    comment:
      "Manifests, boards and alerts are made from what pods say of themselves: settings, limits, metrics. They run nothing of a pod.",
    from: { path: "^(deploy|grafana)/" },
    to: {
      path: "^(common|gateway|workers|console|scripts|bench|test)/",
      pathNot: "^common/(config|contract|kernel|observe)/",
    },
  },
  {
    name: "everything-resolves",
    comment: "An import that cannot be resolved escapes every other rule.",
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: "no-cycles",
    comment: "A cycle is one module in two files. Cycles of types count too.",
    from: {},
    to: { circular: true },
  },
  {
    name: "no-dead-files",
    comment: "Reachable from a main.ts, or deleted. The memory twins are what the simulation stands on.",
    from: { path: MAINS },
    to: {
      path: "^(common|gateway|workers|console)/",
      pathNot: outside(MAINS, TEST, "^common/backends/memory/"),
      reachable: false,
    },
  },
];

module.exports = {
  forbidden: [...pods, ...bedrock, ...pure, ...edges, ...hygiene].map((rule) => ({ severity: "error", ...rule })),
  options: {
    // Imports of types are imports: a domain that names a port's type knows the port.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)[.]data/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".json"],
    },
  },
};
