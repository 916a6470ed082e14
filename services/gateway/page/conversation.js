// The conversation: asks, streams, and outlives a reload of the tab.

import { chat, Problem } from "./api.js";
import { $, announce } from "./dom.js";
import { closePassage } from "./passage.js";
import { turnView } from "./turn_view.js";

const KEY = "ragops.conversation";
const NEAR_BOTTOM = 120;
const INTERRUPTED = "The answer was interrupted before it was complete. Ask again.";

let state = { id: null, turns: [] };
// Where this tab keeps the conversation of the user who is signed in; null: nowhere.
let key = null;
let running = null;
let onProblem = () => {};
// Told the conversation's id when it gets one and after each turn.
let onTurn = () => {};

const keyOf = ({ tenant, user }) => `${KEY} ${JSON.stringify([tenant, user])}`;

// What is kept of a source: its ids and its label. The gateway is asked for the text.
const idsOf = ({ n, document_id, passage_id, name, page }) => ({
  n,
  document_id,
  passage_id,
  name,
  page,
});

function keep() {
  if (!key) return;
  const turns = state.turns.map((turn) => ({ ...turn, sources: turn.sources.map(idsOf) }));
  const draft = $("question").value;
  try {
    sessionStorage.setItem(key, JSON.stringify({ id: state.id, turns, draft }));
  } catch {
    // The storage is full: this tab gives up its older turns. The server still has them.
    state.turns.splice(0, Math.ceil(state.turns.length / 2));
  }
}

function kept() {
  try {
    const { id, turns, draft } = JSON.parse(sessionStorage.getItem(key));
    for (const turn of turns) {
      if (!turn.finished) turn.error ??= INTERRUPTED;
      turn.finished = true;
    }
    return { id, turns, draft };
  } catch {
    return { id: null, turns: [], draft: "" };
  }
}

function addView(turn) {
  const view = turnView(turn, () => askAgain(turn, view));
  $("turns").append(view.element);
  $("welcome").hidden = true;
  return view;
}

function followEnd(always = false) {
  const box = $("turns");
  const left = box.scrollHeight - box.scrollTop - box.clientHeight;
  if (always || left < NEAR_BOTTOM) box.scrollTop = box.scrollHeight;
}

const HANDLERS = {
  meta(turn, data) {
    state.id = data.conversation_id;
    onTurn(state.id);
    turn.id = data.turn_id;
    turn.degraded = data.degraded;
    turn.model = data.model ?? null;
    turn.cached = data.cached;
  },
  sources: (turn, data) => (turn.sources = data),
  token: (turn, data) => (turn.text += data.text),
  citations: (turn, data) => (turn.citations = data),
  usage: (turn, data) => (turn.usage = data),
  done: (turn) => (turn.finished = true),
  error(turn, data) {
    turn.error = data.message || "The answer could not be completed. Ask again.";
    turn.finished = true;
  },
};

async function stream(turn, view, signal) {
  let scheduled = false;
  const redraw = () => {
    scheduled = false;
    view.render();
    followEnd();
  };
  for await (const { event, data } of chat(
    { question: turn.question, conversation_id: state.id ?? undefined },
    signal,
  )) {
    signal.throwIfAborted();
    HANDLERS[event]?.(turn, data);
    if (!scheduled) {
      scheduled = true;
      requestAnimationFrame(redraw);
    }
  }
  if (!turn.finished) throw new Problem(0, "cut", INTERRUPTED);
}

function explained(failure) {
  if (failure.name === "AbortError") return "You stopped this answer.";
  // Anything else is the browser's own word for a connection that was lost while it was read.
  return failure instanceof Problem ? failure.message : INTERRUPTED;
}

export async function ask(question) {
  if (running) return;
  removeTexts();
  const mine = state;
  running = new AbortController();
  setRunning(true);
  const started = performance.now();
  const turn = { question, text: "", sources: [], finished: false };
  state.turns.push(turn);
  keep();
  const view = addView(turn);
  followEnd(true);
  let failure = null;
  try {
    await stream(turn, view, running.signal);
    turn.seconds = (performance.now() - started) / 1000;
  } catch (error) {
    failure = error;
  }
  // Another conversation has taken the place of this one meanwhile.
  if (state !== mine) return;
  if (failure) turn.error = explained(failure);
  turn.finished = true;
  running = null;
  setRunning(false);
  view.render();
  followEnd();
  keep();
  announce(turn.error ?? `Answer complete: ${turn.text}`);
  onTurn(state.id, true);
  if (failure) onProblem(failure);
}

// Removes the failed turn and asks its question once more.
function askAgain(turn, view) {
  if (running) return;
  state.turns.splice(state.turns.indexOf(turn), 1);
  view.element.remove();
  ask(turn.question);
  $("stop").focus();
}

export function stop() {
  running?.abort();
}

// Removes the passages' texts from older answers, or only those of one document. Opening such a
// passage then asks the gateway, which does not show what was deleted.
export function removeTexts(documentId = null) {
  for (const source of state.turns.flatMap((turn) => turn.sources)) {
    if (!documentId || source.document_id === documentId) delete source.text;
  }
}

function replaceBy(next) {
  stop();
  running = null;
  setRunning(false);
  state = next;
  for (const turn of document.querySelectorAll(".turn")) turn.remove();
  $("welcome").hidden = false;
}

export function newConversation() {
  closePassage();
  replaceBy({ id: null, turns: [] });
  keep();
  $("question").focus();
}

export function conversationId() {
  return state.id;
}

const ENDINGS = { stopped: "You stopped this answer.", failed: INTERRUPTED };

// Shows a conversation as the gateway keeps it; it goes on with the next question.
export function showConversation({ conversation_id, turns }) {
  closePassage();
  replaceBy({
    id: conversation_id,
    turns: turns.map((turn) => ({
      id: turn.turn_id,
      question: turn.question,
      text: turn.answer,
      sources: turn.sources,
      citations: turn.sources.filter((source) => source.cited),
      model: turn.model,
      error: ENDINGS[turn.outcome],
      finished: true,
    })),
  });
  for (const turn of state.turns) addView(turn);
  keep();
  followEnd(true);
}

// Shows what this tab kept for a user. The gateway has accepted the user's token before.
export function openConversation(who) {
  if (!who.scopes.includes("chat")) return;
  key = keyOf(who);
  const { draft, ...conversation } = kept();
  replaceBy(conversation);
  for (const turn of state.turns) addView(turn);
  $("question").value ||= draft ?? "";
  if (state.turns.length) followEnd(true);
}

// Empties the view; the user's next visit in this tab finds the conversation again.
export function leaveConversation() {
  if (key) {
    keep();
    $("question").value = "";
  }
  key = null;
  replaceBy({ id: null, turns: [] });
}

export function removeStored(who) {
  if (who) sessionStorage.removeItem(keyOf(who));
}

function setRunning(on) {
  const [shown, hidden] = on ? [$("stop"), $("send")] : [$("send"), $("stop")];
  const focused = document.activeElement === hidden;
  hidden.hidden = true;
  shown.hidden = false;
  if (focused) shown.focus();
  $("chat").classList.toggle("asking", on);
}

export function startConversation(handlers) {
  onProblem = handlers.onProblem;
  onTurn = handlers.onTurn;
  addEventListener("pagehide", keep);
  // Earlier versions of the page kept passages here.
  sessionStorage.removeItem(KEY);
}
