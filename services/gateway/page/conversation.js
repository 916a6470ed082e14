// The conversation: asks, streams, and keeps itself over a reload of the tab.

import { chat, Problem } from "./api.js";
import { $, announce } from "./dom.js";
import { closePassage } from "./passage.js";
import { turnView } from "./turn_view.js";

const KEY = "ragops.conversation";
const NEAR_BOTTOM = 120;

let state = { id: null, turns: [] };
let running = null;

function keep() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // Full: the conversation itself is safe on the server, only this tab forgets its old turns.
    state.turns.splice(0, Math.ceil(state.turns.length / 2));
  }
}

function restored() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept?.turns ? kept : { id: null, turns: [] };
  } catch {
    return { id: null, turns: [] };
  }
}

function addView(turn) {
  const view = turnView(turn);
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
    turn.degraded = data.degraded;
  },
  sources: (turn, data) => (turn.sources = data),
  token: (turn, data) => (turn.text += data.text),
  citations: (turn, data) => (turn.citations = data),
  usage: (turn, data) => (turn.usage = data),
  done: (turn) => (turn.finished = true),
  error(turn, data) {
    turn.error = data.message;
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
    HANDLERS[event]?.(turn, data);
    if (!scheduled) {
      scheduled = true;
      requestAnimationFrame(redraw);
    }
  }
  if (!turn.finished) throw new Problem(0, "cut", "The answer broke off. Ask again.");
}

export async function ask(question, onProblem) {
  if (running) return;
  running = new AbortController();
  setRunning(true);
  const started = performance.now();
  const turn = { question, text: "", sources: [], finished: false };
  state.turns.push(turn);
  const view = addView(turn);
  followEnd(true);
  try {
    await stream(turn, view, running.signal);
    turn.seconds = (performance.now() - started) / 1000;
  } catch (error) {
    turn.error = error.name === "AbortError" ? "Stopped." : error.message;
    onProblem(error);
  }
  turn.finished = true;
  running = null;
  setRunning(false);
  view.render();
  followEnd();
  keep();
  announce(turn.error ?? `Answer complete: ${turn.text}`);
}

export function stop() {
  running?.abort();
}

export function isEmpty() {
  return state.turns.length === 0;
}

export function newConversation() {
  stop();
  closePassage();
  state = { id: null, turns: [] };
  keep();
  for (const turn of document.querySelectorAll(".turn")) turn.remove();
  $("welcome").hidden = false;
  $("question").focus();
}

function setRunning(on) {
  $("send").hidden = on;
  $("stop").hidden = !on;
}

export function startConversation() {
  state = restored();
  for (const turn of state.turns) addView({ ...turn, finished: true });
  followEnd(true);
}
