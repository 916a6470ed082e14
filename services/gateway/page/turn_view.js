// One question with its answer, as it grows.

import { renderAnswer } from "./answer_text.js";
import { make } from "./dom.js";
import { openPassage } from "./passage.js";

const MISSING = {
  retrieval: "The document search did not answer in time, so this answer has no sources.",
  memory: "Earlier parts of the conversation could not be read.",
  session: "The current conversation could not be read, so a follow-up may miss its subject.",
  dense: "The search by meaning was not available; words only were matched.",
  bm25: "The search by words was not available; meaning only was matched.",
  graph: "The knowledge graph was not available.",
  rerank: "The sources could not be put into their best order.",
};

function sourceList(turn) {
  const cited = new Set((turn.citations ?? []).map((citation) => citation.n));
  const shown = turn.sources.filter((source) => cited.has(source.n));
  if (!shown.length) return null;
  const items = shown.map((source) => {
    const page = source.page ? ` · p. ${source.page}` : "";
    const button = make("button", { type: "button", className: "source" });
    button.append(
      make("span", { className: "n" }, String(source.n)),
      make("span", { className: "name" }, `${source.name}${page}`),
    );
    button.addEventListener("click", () => openPassage(source, button, turn.sources));
    return make("li", {}, button);
  });
  return make("ul", { className: "sources", "aria-label": "Sources" }, ...items);
}

function facts(turn) {
  if (!turn.usage) return null;
  const tokens = turn.usage.input_tokens + turn.usage.output_tokens;
  const parts = [
    turn.seconds ? `${turn.seconds.toFixed(1)} s` : null,
    `${tokens.toLocaleString()} tokens`,
    `$${turn.usage.cost_usd.toPrecision(2)}`,
  ];
  return make("p", { className: "facts-line small" }, parts.filter(Boolean).join(" · "));
}

function notices(turn) {
  return (turn.degraded ?? []).map((name) =>
    make("p", { className: "notice" }, MISSING[name] ?? `Not available: ${name}.`),
  );
}

export function turnView(turn) {
  const answer = make("div", { className: "answer" });
  const after = make("div", { className: "after" });
  const question = make("p", { className: "question" }, turn.question);
  const element = make("article", { className: "turn" }, question, answer, after);

  function render() {
    const waiting = !turn.finished && !turn.text;
    const thinking = make("p", { className: "thinking" }, "Reading your documents");
    const body = renderAnswer(turn.text, turn.sources, (source, button) =>
      openPassage(source, button, turn.sources),
    );
    answer.replaceChildren(...(waiting ? [thinking] : body));
    answer.classList.toggle("streaming", !turn.finished && Boolean(turn.text));
    element.setAttribute("aria-busy", String(!turn.finished));
    after.replaceChildren(
      ...notices(turn),
      ...(turn.error ? [make("p", { className: "problem" }, turn.error)] : []),
      ...[turn.finished ? sourceList(turn) : null, facts(turn)].filter(Boolean),
    );
  }

  render();
  return { element, render };
}
