/**
 * A Dockerfile without an engine: its text as stages, and what a stage's steps do to a folder. What a base image would
 * bring is given; where a step is of a kind that is not known here, that is an error and not passed over.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { basename, join, matchesGlob, relative } from "node:path";

export interface Step {
  readonly word: string;
  readonly rest: string;
}

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly steps: readonly Step[];
}

/** What is true of an image besides its files. */
export interface Image {
  /** Its root. */
  readonly folder: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
  readonly exposed: readonly string[];
  readonly entrypoint: readonly string[];
}

export function stagesOf(text: string): readonly Stage[] {
  const lines = text.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "");
  const stages: { name: string; from: string; steps: Step[] }[] = [];
  for (const line of lines.split("\n").filter((one) => one.trim() !== "")) {
    const [, word = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const [, from, name] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
    if (word === "FROM" && from !== undefined && name !== undefined) stages.push({ name, from, steps: [] });
    else if (word === "FROM") throw new Error(`a stage without a name: ${line}`);
    else stages.at(-1)?.steps.push({ word, rest });
  }
  return stages;
}

export interface Builder {
  readonly stages: readonly Stage[];
  readonly context: string;
  /** Lines of .dockerignore. */
  readonly ignored: readonly string[];
  /** An empty place. */
  readonly into: string;
  /** Puts what an image from elsewhere brings into a root. */
  bring(image: string, root: string): void;
}

const EMPTY = { workdir: "/", env: {}, labels: {}, user: "0", exposed: [], entrypoint: [] };

/** Does the steps of a stage and of those that it stands on, each stage once. */
export function build(builder: Builder, name: string, done = new Map<string, Image>()): Image {
  const known = done.get(name);
  if (known !== undefined) return known;
  const stage = builder.stages.find((one) => one.name === name);
  if (stage === undefined) throw new Error(`there is no stage ${name}`);
  const folder = join(builder.into, name);
  const isOurs = builder.stages.some((one) => one.name === stage.from);
  const base = isOurs ? build(builder, stage.from, done) : undefined;
  if (base === undefined) {
    mkdirSync(folder, { recursive: true });
    builder.bring(stage.from, folder);
  } else execFileSync("cp", ["-al", base.folder, folder]);
  const start: Image = { ...EMPTY, ...base, folder };
  const image = stage.steps.reduce((so, step) => perform(step, so, { builder, done }), start);
  done.set(name, image);
  return image;
}

interface Surroundings {
  readonly builder: Builder;
  readonly done: Map<string, Image>;
}

function perform({ word, rest }: Step, image: Image, around: Surroundings): Image {
  switch (word) {
    case "WORKDIR":
      mkdirSync(join(image.folder, rest), { recursive: true });
      return { ...image, workdir: rest };
    case "COPY":
      copy(rest.split(/\s+/), image, around);
      return image;
    case "RUN":
      execFileSync("sh", ["-euc", rest], { cwd: join(image.folder, image.workdir), stdio: ["ignore", "pipe", "pipe"] });
      return image;
    case "ENV":
      return { ...image, env: { ...image.env, ...pairsOf(rest) } };
    case "LABEL":
      return { ...image, labels: { ...image.labels, ...pairsOf(rest) } };
    case "USER":
      return { ...image, user: rest };
    case "EXPOSE":
      return { ...image, exposed: rest.split(/\s+/) };
    case "ENTRYPOINT":
      return { ...image, entrypoint: JSON.parse(rest) as string[] };
    case "ARG":
      return image;
    default:
      throw new Error(`nobody knows here what ${word} does`);
  }
}

function copy(words: readonly string[], { folder, workdir }: Image, { builder, done }: Surroundings): void {
  const stage = words[0]?.startsWith("--from=") ? words[0].slice("--from=".length) : undefined;
  const [to = "", ...sources] = words.slice(stage === undefined ? 0 : 1).toReversed();
  const place = join(folder, to.startsWith("/") ? "" : workdir, to);
  for (const source of sources) {
    const from = stage === undefined ? join(builder.context, source) : join(build(builder, stage, done).folder, source);
    const target = to.endsWith("/") ? join(place, basename(source)) : place;
    if (stage === undefined) cpSync(from, target, { recursive: true, filter: (path) => !isIgnored(builder, path) });
    else {
      mkdirSync(join(target, ".."), { recursive: true });
      execFileSync("cp", ["-al", from, target]);
    }
  }
}

/** The last line that fits a path, or a folder above it, decides. */
function isIgnored({ context, ignored }: Builder, path: string): boolean {
  const parts = relative(context, path).split("/");
  const above = parts.map((_, i) => parts.slice(0, i + 1).join("/"));
  const fitting = ignored.filter((line) => above.some((one) => matchesGlob(one, line.replace(/^!/, ""))));
  return fitting.length > 0 && !fitting.at(-1)?.startsWith("!");
}

function pairsOf(rest: string): Record<string, string> {
  const pairs = rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g);
  return Object.fromEntries([...pairs].map(([, name = "", quoted, bare]) => [name, quoted ?? bare ?? ""]));
}
