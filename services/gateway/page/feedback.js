// What the user thinks of an answer: a thumb, and after a thumb down why and what is right.

import { call } from "./api.js";
import { announce, make, show } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
// A thumb that points up.
const THUMB =
  "M2 10h4v11H2z M8 21V10l4-8c1.6 0 2.6 1.2 2.3 2.8L13.6 9H20a2 2 0 0 1 2 2.3l-1.2 7.2A3 3 0 0 1 17.9 21z";
const RATINGS = { up: "Good answer", down: "Bad answer" };
// Said before it is done.
const TITLES = {
  up: "Good answer",
  down: "Bad answer. Your company’s admins can then read this question and its answer.",
};
const REASONS = {
  wrong: "It is wrong",
  incomplete: "Something is missing",
  outdated: "It is out of date",
};
const LONGEST = 20_000;

function thumb(rating) {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", THUMB);
  icon.append(path);
  const name = RATINGS[rating];
  const button = make("button", { type: "button", className: `quiet thumb ${rating}` });
  button.title = TITLES[rating];
  button.setAttribute("aria-label", name);
  button.dataset.opens = `thumb ${rating}`;
  button.append(icon);
  return button;
}

function whyForm(onSend) {
  const reasons = Object.entries(REASONS).map(([value, text]) => {
    const box = make("input", { type: "checkbox", value });
    return make("label", { className: "reason" }, box, text);
  });
  const right = make("textarea", { rows: 3, maxLength: LONGEST });
  const form = make(
    "form",
    { className: "why-bad", hidden: true },
    make("fieldset", {}, make("legend", {}, "What is wrong with it?"), ...reasons),
    make("label", {}, "What would be right? (optional)", right),
    make("button", { type: "submit", className: "outlined" }, "Send"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = [...form.querySelectorAll("input:checked")].map((box) => box.value);
    onSend({ reasons: given, corrected_answer: right.value.trim() || null });
  });
  return form;
}

// The thumbs under an answer of the turn `turn.id`. The newest thumb counts.
export function feedbackView(turn) {
  const thumbs = { up: thumb("up"), down: thumb("down") };
  const told = make("span", { className: "small" });
  const problem = make("p", { className: "problem", role: "alert", hidden: true });
  const form = whyForm(async (why) => {
    if (!(await send("down", why))) return;
    form.hidden = true;
    thumbs.down.focus();
  });

  function mark() {
    for (const [rating, button] of Object.entries(thumbs)) {
      button.setAttribute("aria-pressed", String(turn.rating === rating));
    }
  }

  async function send(rating, why = {}) {
    show(problem, null);
    try {
      await call(`/v1/turns/${encodeURIComponent(turn.id)}/feedback`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ rating, ...why }),
      });
    } catch (failure) {
      if (failure.name !== "AbortError") show(problem, failure.message);
      return false;
    }
    turn.rating = rating;
    mark();
    const shared = "Thank you. Your company’s admins can read this question and its answer.";
    told.textContent = rating === "down" ? shared : "Thank you.";
    announce("Thank you. Your feedback is stored.");
    return true;
  }

  thumbs.up.addEventListener("click", async () => {
    if (await send("up")) form.hidden = true;
  });
  thumbs.down.addEventListener("click", async () => {
    if (!(await send("down"))) return;
    form.hidden = false;
    form.querySelector("input").focus();
  });
  mark();
  const row = make("div", { className: "thumbs" }, thumbs.up, thumbs.down, told);
  return make(
    "div",
    { className: "feedback", role: "group", "aria-label": "Feedback on this answer" },
    row,
    form,
    problem,
  );
}
