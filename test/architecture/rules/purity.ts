/** What imports do not show: time, chance, the environment and the network as globals; and tests that wait for time. */
import ts from "typescript";
import { at, files, isProduct, isRule, isTest, parse, type Tree, walk } from "../tree.ts";

const PURE = /^(common\/(contract|kernel)|workers\/(domain|commands)|gateway\/platforms)\//;
const GLOBALS = new Set(["setTimeout", "setInterval", "setImmediate", "fetch", "process", "performance"]);
const MEMBERS = new Set(["Date.now", "Math.random", "crypto.randomUUID", "crypto.getRandomValues"]);

/** A turn that is run again, and a simulation by seed, must see the same: time and chance come as arguments. */
export function impureCalls(tree: Tree): string[] {
  return files(tree, (path) => isProduct(path) && PURE.test(path)).flatMap(([path, text]) => {
    const source = parse(path, text);
    const faults: string[] = [];
    walk(source, (node) => {
      const what = impurity(node);
      if (what !== undefined) faults.push(at(source, node, `${what} in a pure folder`));
    });
    return faults;
  });
}

function impurity(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && isNamed(node.expression, "Date") && !node.arguments?.length) return "new Date()";
  if (ts.isCallExpression(node) && isNamed(node.expression, "Date")) return "Date()";
  if (ts.isPropertyAccessExpression(node)) {
    const name = node
      .getText()
      .replace(/\s/g, "")
      .replace(/^globalThis[.]/, "");
    if (MEMBERS.has(name)) return name;
  }
  return ts.isIdentifier(node) && GLOBALS.has(node.text) && !isOwnName(node) ? node.text : undefined;
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

/** `x.fetch`, `{ fetch: 1 }` and `fetch(): void` in an interface name a member, not the global. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node && !isNamed(parent.expression, "globalThis");
  return "name" in parent && parent.name === node;
}

/** Settings are read in one place, where all faults are listed at once. */
export function environmentReads(tree: Tree): string[] {
  const allowed =
    /^common\/(config|backends\/system)\/|^(gateway|workers)\/(main|migrate)[.]ts$|^console\/cli\/main[.]ts$/;
  return files(tree, (path) => isProduct(path) && !allowed.test(path)).flatMap(([path, text]) =>
    /\bprocess[.]env\b|\bargv\b/.test(text) ? [`${path}: reads the environment; take a setting as an argument`] : [],
  );
}

/** A test waits for an event or polls a condition with a deadline; it never hopes that a time was long enough. */
export function sleepsInTests(tree: Tree): string[] {
  return files(tree, (path) => isTest(path) && !isRule(path)).flatMap(([path, text]) => {
    const source = parse(path, text);
    const faults: string[] = [];
    walk(source, (node) => {
      const sleeps =
        (ts.isCallExpression(node) && /^(sleep|delay|setTimeout)$/.test(node.expression.getText())) ||
        (ts.isStringLiteral(node) && /^(node:)?timers\/promises$/.test(node.text));
      if (sleeps) faults.push(at(source, node, "a sleep in a test"));
    });
    return faults;
  });
}

/** What is replaced by a mock is not tested; the twins of common/backends/memory stand in for servers. */
export function mocksInTests(tree: Tree): string[] {
  return files(tree, (path) => path.endsWith(".ts") && !isRule(path)).flatMap(([path, text]) =>
    /\bvi[.](mock|doMock|spyOn|stubGlobal)\(/.test(text) ? [`${path}: a mock`] : [],
  );
}
