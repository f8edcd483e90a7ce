/** What a pod's /metrics page says, in the text format of Prometheus. */

interface Sample {
  /** As they stand between the braces; empty when there are none. */
  readonly labels: string;
  readonly value: number;
}

export class MetricsPage {
  readonly #samples = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      if (name === undefined) continue;
      const samples = this.#samples.get(name) ?? [];
      samples.push({ labels, value: Number(value) });
      this.#samples.set(name, samples);
    }
  }

  /** Over the series that have that label; 0 when there is none. @param label as `role="writer"` */
  sum(name: string, label = ""): number {
    const samples = this.#samples.get(name) ?? [];
    return samples.reduce((sum, { labels, value }) => (labels.includes(label) ? sum + value : sum), 0);
  }

  /** By the values of one label. */
  by(name: string, label: string): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { labels, value } of this.#samples.get(name) ?? []) {
      const of = new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels)?.[1] ?? "";
      sums[of] = (sums[of] ?? 0) + value;
    }
    return sums;
  }
}
