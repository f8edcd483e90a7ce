/** Preloaded (`--import`) into a process under test: answers any message of its parent with its size after collections. */
process.on("message", (message) => {
  if (message !== "rss") return;
  // The second one takes what finalizers of the first let go.
  globalThis.gc?.();
  globalThis.gc?.();
  process.send?.({ rssKib: process.memoryUsage.rss() / 1024 });
});
