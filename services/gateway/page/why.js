// Why a source was found: a bar for each leg of the search, and the words that matched.

import { make } from "./dom.js";

const LEGS = [
  ["bm25", "Words"],
  ["dense", "Meaning"],
  ["graph", "Graph"],
  ["rerank", "Reranker"],
];

// The best of the answer's sources has a full bar: raw scores of two legs do not compare.
function share(leg, source, sources) {
  const raws = sources.map((other) => other.explain?.[leg]?.raw).filter((raw) => raw != null);
  const low = Math.min(0, ...raws);
  const span = Math.max(...raws) - low;
  return span ? (source.explain[leg].raw - low) / span : 1;
}

function row(leg, name, source, sources) {
  const score = source.explain[leg];
  if (score?.raw == null) {
    return [make("dt", {}, name), make("dd", { className: "absent" }, "did not find it")];
  }
  const raw = `score ${score.raw.toPrecision(3)}`;
  const said = score.rank ? `rank ${score.rank}, ${raw}` : raw;
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
    title: "Show this name in the knowledge graph",
  });
  button.addEventListener("click", () => onEntity(step.entity));
  return make("p", { className: "small" }, "The graph found it through the name “", button, "”.");
}

// Null for a source without an explanation.
export function whyView(source, sources, onEntity) {
  if (!source.explain) return null;
  const rows = LEGS.filter(([leg]) => sources.some((other) => other.explain?.[leg])).flatMap(
    ([leg, name]) => row(leg, name, source, sources),
  );
  if (!rows.length) return null;
  return make("section", { className: "why", "aria-label": "Why this source" },
    make("h3", {}, "Why this source"), make("dl", {}, ...rows), path(source, onEntity));
}

// Spans in order, overlapping ones merged.
export function apart(spans) {
  const merged = [];
  for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (merged.length && start <= merged.at(-1)[1]) {
      merged.at(-1)[1] = Math.max(merged.at(-1)[1], end);
    } else merged.push([start, end]);
  }
  return merged;
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
