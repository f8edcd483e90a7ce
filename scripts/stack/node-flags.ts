/**
 * How Node runs a pod. Young objects get 16 MB from the start: V8 begins with 1 MB and grows by what survives, so a pod
 * would spend its first minutes collecting, and its memory would seem to grow with whatever happens then.
 */
export const NODE_FLAGS: readonly string[] = ["--min-semi-space-size=16", "--max-semi-space-size=16"];
