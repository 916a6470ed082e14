// Why a source is there: each leg of the search as a bar, and the words that were matched.

import { make } from "./dom.js";

const LEGS = [
  ["bm25", "Words"],
  ["dense", "Meaning"],
  ["graph", "Graph"],
  ["rerank", "Reranker"],
];

// A bar is full for the best of the answer's sources: raw scores of two legs do not compare.
function share(leg, source, sources) {
  const raws = sources.map((other) => other.explain?.[leg]?.raw).filter((raw) => raw != null);
  const low = Math.min(0, ...raws);
  const span = Math.max(...raws) - low;
  return span ? (source.explain[leg].raw - low) / span : 1;
}

function row(leg, name, source, sources) {
  const score = source.explain[leg];
  if (score?.raw == null) {
    return [make("dt", {}, name), make("dd", { className: "absent" }, "not found by it")];
  }
  const said = `${score.rank ? `no. ${score.rank}` : ""} (${score.raw.toPrecision(3)})`.trim();
  const bar = make("meter", { min: 0, max: 1, "aria-label": `${name}: ${said}` });
  bar.value = share(leg, source, sources);
  return [make("dt", {}, name), make("dd", {}, bar, make("span", { className: "small" }, said))];
}

function path(source, onEntity) {
  const [step] = source.explain.graph?.path ?? [];
  if (!step) return null;
  const button = make("button", {
    type: "button",
    className: "link",
    textContent: step.entity,
    title: "Show it in the knowledge graph",
  });
  button.addEventListener("click", () => onEntity(step.entity));
  return make("p", { className: "small" }, "Reached over the name “", button, "”.");
}

// Null for a source that was kept before searches explained themselves, or that none brought.
export function whyView(source, sources, onEntity) {
  if (!source.explain) return null;
  const rows = LEGS.filter(([leg]) => sources.some((other) => other.explain?.[leg])).flatMap(
    ([leg, name]) => row(leg, name, source, sources),
  );
  if (!rows.length) return null;
  return make("section", { className: "why", "aria-label": "Why this source" },
    make("h3", {}, "Why this source"), make("dl", {}, ...rows), path(source, onEntity));
}

// Offsets count characters as Python does, where an emoji is one. `spans` are in order and apart.
export function markedText(text, spans) {
  const letters = Array.from(text);
  const parts = [];
  let at = 0;
  for (const [start, end] of spans) {
    parts.push(plain(letters.slice(at, start)));
    parts.push(make("mark", {}, plain(letters.slice(start, end))));
    at = end;
  }
  return [...parts, plain(letters.slice(at))];
}

// Parsed text is Markdown: `1\\.` stands for a plain `1.`
function plain(letters) {
  return letters.join("").replace(/\\([!-/:-@[-`{-~])/g, "$1");
}
