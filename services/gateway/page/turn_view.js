// One question with its answer, as it grows.

import { renderAnswer } from "./answer_text.js";
import { make } from "./dom.js";
import { feedbackView } from "./feedback.js";
import { openPassage } from "./passage.js";

// The model that quotes sentences, for want of a language model.
const QUOTING = "local.extractive-v1";
const MISSING = {
  retrieval: "The document search did not answer in time, so this answer has no sources.",
  memory: "The system could not read earlier parts of this conversation.",
  session:
    "The system could not read the last questions of this conversation. It may misunderstand a " +
    "follow-up question.",
  dense: "The search by meaning was not available. The sources match by words only.",
  bm25: "The search by words was not available. The sources match by meaning only.",
  graph: "The knowledge graph was not available. The search went on without it.",
  rerank: "The reranker was not available. The order of the sources may be less good.",
};
const CUT = {
  max_tokens: "The answer was cut off: it reached its longest length. Ask for the rest.",
  guardrail_intervened: "A guardrail stepped in. Your company's rules keep this answer back.",
  content_filtered: "The model's provider filtered this answer. Ask in other words.",
};
const MONEY = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 2,
});

function sourceList(turn) {
  const cited = new Set((turn.citations ?? []).map((citation) => citation.n));
  const shown = turn.sources.filter((source) => cited.has(source.n));
  if (!shown.length) return null;
  const items = shown.map((source) => {
    const page = source.page ? ` · p. ${source.page}` : "";
    const button = make("button", { type: "button", className: "source" });
    button.dataset.opens = `source ${source.n}`;
    button.append(
      make("span", { className: "n" }, String(source.n)),
      make("span", { className: "name" }, `${source.name}${page}`),
    );
    button.addEventListener("click", () => openPassage(source, button, turn.sources));
    return make("li", {}, button);
  });
  return make("ul", { className: "sources", "aria-label": "Sources" }, ...items);
}

// A model without a price has no cost to show.
function facts(turn) {
  if (!turn.usage) return null;
  const { input_tokens, output_tokens, cost_usd } = turn.usage;
  const parts = [
    turn.cached ? "cached" : null,
    turn.seconds ? `${turn.seconds.toFixed(1)} s` : null,
    `${(input_tokens + output_tokens).toLocaleString("en")} tokens`,
    cost_usd == null ? null : MONEY.format(cost_usd),
  ];
  return make("p", { className: "facts-line small" }, parts.filter(Boolean).join(" · "));
}

function quoted(turn) {
  if (turn.model !== QUOTING || !turn.citations?.length) return null;
  return make(
    "p",
    { className: "quoted small" },
    "Quoted from your documents. For written answers connect a language model: see README, " +
      "'A language model'.",
  );
}

function notices(turn) {
  return (turn.degraded ?? []).map((name) => {
    const text = MISSING[name] ?? `A part of the system was not available: ${name}.`;
    return make("p", { className: "notice" }, text);
  });
}

function cutOff(turn) {
  const reason = turn.usage?.stop_reason;
  if (!reason) return null;
  const text = CUT[reason] ?? `The answer is not complete: ${reason}.`;
  return make("p", { className: "notice" }, text);
}

function failure(turn, askAgain) {
  if (!turn.error) return null;
  const button = make("button", { type: "button", className: "outlined again" }, "Ask again");
  button.addEventListener("click", askAgain);
  const problem = make("p", { className: "problem" }, turn.error);
  return make("div", { className: "failure" }, problem, button);
}

// `askAgain()` asks the question of a turn that failed once more.
export function turnView(turn, askAgain) {
  const answer = make("div", { className: "answer" });
  const after = make("div", { className: "after" });
  const question = make("p", { className: "question" }, turn.question);
  const element = make("article", { className: "turn" }, question, answer, after);
  let feedback = null;

  // Turns that this tab kept before have no id.
  function thumbs() {
    if (!turn.finished || turn.error || !turn.id) return null;
    return (feedback ??= feedbackView(turn));
  }

  function render() {
    const focused = element.contains(document.activeElement)
      ? document.activeElement.dataset.opens
      : null;
    const waiting = !turn.finished && !turn.text;
    const thinking = make("p", { className: "thinking" }, "Reading your documents");
    const body = renderAnswer(turn.text, turn.sources, (source, button) =>
      openPassage(source, button, turn.sources),
    );
    answer.replaceChildren(...(waiting ? [thinking] : body));
    answer.classList.toggle("streaming", !turn.finished && Boolean(turn.text));
    element.setAttribute("aria-busy", String(!turn.finished));
    const ended = turn.finished ? [sourceList(turn), quoted(turn)] : [];
    after.replaceChildren(
      ...[...notices(turn), cutOff(turn), failure(turn, askAgain), ...ended, facts(turn), thumbs()].filter(Boolean),
    );
    if (focused) element.querySelector(`[data-opens="${focused}"]`)?.focus({ preventScroll: true });
  }

  render();
  return { element, render };
}
