/**
 * How Node runs a pod. Young objects get their room from the start: V8 begins with 1 MB and grows by what survives, so a
 * pod would spend its first minutes collecting, and its memory would seem to grow with whatever happens then.
 *
 * A worker gets more: it holds each line for the tenth of a second that answer and records take, and what is held when
 * young objects are collected is copied, twice. A gateway hands a line on within milliseconds, and its memory is counted
 * per connection.
 */
export function nodeFlagsOf(main: string): readonly string[] {
  // The last two parts of the path: a clone may lie in a folder of any name.
  const megabytes = /worker[^/]*(\/main)?[.]ts$/.test(main) ? 64 : 16;
  return [`--min-semi-space-size=${megabytes}`, `--max-semi-space-size=${megabytes}`];
}
