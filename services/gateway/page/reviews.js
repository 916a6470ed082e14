// The view of reviews, for admins: answers that people did not like, and what would be right.

import { call } from "./api.js";
import { $, announce, make, show, tooLong, when } from "./dom.js";

const URL_ALL = "/v1/reviews";
// As the form under an answer puts them.
const REASONS = { wrong: "it is wrong", incomplete: "something is missing", outdated: "it is out of date" };
const LONGEST = 20_000;

let onProblem = () => {};
let next = null;
// Raised when other reviews are wanted, or none: what was asked for before is not shown any more.
let asked = 0;

function told(error) {
  if (error.name === "AbortError") return;
  show($("reviews-problem"), error.message);
  onProblem(error);
}

function said(one) {
  const reasons = one.reasons.map((reason) => REASONS[reason] ?? reason).join(", ");
  const parts = [
    make("p", {}, reasons ? `What the user says: ${reasons}.` : "The user gave no reason."),
    one.comment ? make("p", { className: "words" }, one.comment) : null,
    one.corrected_answer ? make("p", { className: "small" }, "What the user says is right:") : null,
    one.corrected_answer ? make("p", { className: "words" }, one.corrected_answer) : null,
  ];
  return make("div", { className: "said" }, ...parts);
}

function correction({ answer, by, at }) {
  const words = answer || "Its text was removed, because a document that it may quote was deleted.";
  return make(
    "div",
    { className: "corrected" },
    make("p", { className: "small" }, `Corrected by ${by}, ${when(at)}:`),
    make("p", { className: "words" }, words),
  );
}

function sourcesOf(one) {
  if (!one.sources.length) return make("p", { className: "small" }, "No sources stood behind it.");
  const names = one.sources.map(({ n, name, cited }) => `[${n}] ${name}${cited ? "" : " (not cited)"}`);
  return make("p", { className: "small" }, `Sources: ${names.join(", ")}`);
}

function correctionForm(one, item) {
  const field = make("textarea", { rows: 4, required: true });
  field.value = one.correction?.answer || one.corrected_answer || "";
  const problem = make("p", { className: "problem", role: "alert", hidden: true });
  const form = make(
    "form",
    { "aria-label": `Correct the answer to: ${one.question}` },
    make("label", {}, "What should the answer have been?", field),
    problem,
    make("div", { className: "buttons" }, make("button", { type: "submit" }, "Save the correction")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    show(problem, text ? tooLong("answer", text, LONGEST) : "Write what is right.");
    if (!problem.hidden) return;
    try {
      const saved = await call(`${URL_ALL}/${encodeURIComponent(one.turn_id)}/correction`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ corrected_answer: text }),
      });
      const fresh = itemOf(saved);
      item.replaceWith(fresh);
      fresh.querySelector("h3").focus();
      announce("The correction is saved.");
    } catch (error) {
      if (error.name !== "AbortError") show(problem, error.message);
      onProblem(error);
    }
  });
  return form;
}

function itemOf(one) {
  const item = make("li", {});
  const about = `${one.state}, asked ${when(one.asked_at)}, answered by ${one.model}`;
  const title = one.hidden ? "A turn that you may not read" : one.question;
  item.append(
    make("h3", { tabIndex: -1 }, title),
    make("p", { className: "small" }, about),
  );
  if (one.hidden) {
    const why = "It quotes a document that is not shared with you. Somebody who may read it can"
      + " correct the answer.";
    item.append(make("p", {}, why), said(one));
    return item;
  }
  item.append(
    make("blockquote", {}, one.answer),
    sourcesOf(one),
    said(one),
    ...(one.correction ? [correction(one.correction)] : []),
    correctionForm(one, item),
  );
  return item;
}

// Adds the next page. A page may be short, or empty, before the last one.
async function load() {
  const mine = asked;
  const state = $("review-state").value;
  const wanted = new URLSearchParams(state ? { state } : {});
  if (next) wanted.set("after", next);
  show($("reviews-problem"), null);
  try {
    const found = await call(`${URL_ALL}?${wanted}`);
    if (mine !== asked) return;
    next = found.next;
    const items = found.reviews.map(itemOf);
    $("review-list").append(...items);
    $("more-reviews").hidden = !next;
    const none = next
      ? "There are none among the newest feedback. “Show more” looks further back."
      : "There are no such answers.";
    show($("reviews-hint"), $("review-list").children.length ? null : none);
    return items[0];
  } catch (error) {
    told(error);
  }
}

function begin() {
  asked += 1;
  next = null;
  $("review-list").replaceChildren();
  $("more-reviews").hidden = true;
  show($("reviews-hint"), null);
  return load();
}

// The button is there for admins alone; the gateway refuses everyone else anyhow.
export function showReviews(who) {
  $("show-reviews").hidden = !who.scopes.includes("admin");
}

export function emptyReviews() {
  asked += 1;
  next = null;
  $("show-reviews").hidden = true;
  if ($("reviews").open) $("reviews").close();
  $("review-list").replaceChildren();
  $("more-reviews").hidden = true;
  show($("reviews-problem"), null);
  show($("reviews-hint"), null);
}

export function startReviews(handlers) {
  onProblem = handlers.onProblem;
  $("show-reviews").addEventListener("click", () => {
    $("reviews").showModal();
    $("reviews-title").focus();
    begin();
  });
  $("close-reviews").addEventListener("click", () => $("reviews").close());
  $("review-state").addEventListener("change", begin);
  $("more-reviews").addEventListener("click", async () => {
    const first = await load();
    first?.querySelector("h3").focus();
  });
}
