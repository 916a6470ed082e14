// Draws a neighbourhood: the asked name in the middle, the related names on an arc to each side of
// it. On a narrow screen they stand below it.

import { shape } from "./dom.js";

// In pixels: the height of a row and its maximum, the margin, the gap beside the asked name, the
// room for a label.
const ROW = 26;
const ROW_MAX = 54;
const MARGIN = 22;
const GAP = 86;
const LABEL = 175;
// A narrower drawing has no room for labels on both sides: the names stand below the asked one.
const NARROW = 480;
const PILL = 23;
const ONE_LINE = 12;
// The length of a line's straight end, where its arrow heads are.
const END = 27;

// Half of `around` on the left, half on the right, each from top to bottom. Returns for each its
// {entity, side, x, y} and the curve of the line that leads there.
function onArcs(around, { width, height, half }) {
  const inner = half + GAP;
  const outer = Math.max(inner, width / 2 - LABEL);
  const middle = Math.ceil(around.length / 2);
  return [around.slice(0, middle), around.slice(middle)].flatMap((names, right) => {
    const side = right ? 1 : -1;
    const step = Math.min(ROW_MAX, (height - 2 * MARGIN) / Math.max(1, names.length));
    return names.map((entity, n) => {
      const away = (n - (names.length - 1) / 2) * step;
      const bulge = Math.sqrt(Math.max(0, 1 - ((2 * away) / height) ** 2));
      const x = width / 2 + side * (inner + (outer - inner) * bulge);
      const y = height / 2 + away;
      const from = width / 2 + side * half;
      const fromY = height / 2 + (away / height) * 22;
      const to = x - side * END;
      const bend = (from + to) / 2;
      const curve = `M ${from} ${fromY} C ${bend} ${fromY}, ${bend} ${y}, ${to} ${y}`;
      return { entity, side, x, y, curve };
    });
  });
}

// All names in one column; their lines leave one stem below the asked name.
function onStem(around) {
  const [x, stem, top] = [78, 22, 2 * PILL + 4];
  return around.map((entity, n) => {
    const y = top + (n + 1) * ROW;
    const curve = `M ${stem} ${top} C ${stem} ${y}, ${stem} ${y}, ${x - END} ${y}`;
    return { entity, side: 1, x, y, curve };
  });
}

// Shortens a name until it fits. The whole name is in its tooltip.
function fit(text, name, room) {
  text.textContent = name;
  let letters = Array.from(name);
  while (letters.length > 1 && text.getComputedTextLength() > room) {
    letters = letters.slice(0, -1);
    text.textContent = `${letters.join("").trimEnd()}…`;
  }
}

// A small arrow head. It points right for `way` 1, left for -1.
function head(x, y, way) {
  return shape("path", {
    class: "head",
    d: `M ${x - 4 * way} ${y - 4.5} L ${x + 4 * way} ${y} L ${x - 4 * way} ${y + 4.5} Z`,
  });
}

function heads({ entity, side, x, y }) {
  const out = head(x - side * 15, y, side);
  const back = head(x - side * 15, y, -side);
  if (entity.relation === "names") return [out];
  if (entity.relation === "named by") return [back];
  if (entity.relation === "same as") return [];
  return [out, head(x - side * 24, y, -side)];
}

function tie(place) {
  const { entity, x, y } = place;
  const d = `${place.curve} L ${x} ${y}`;
  return shape(
    "g",
    { class: "tie", "data-name": entity.name, "data-relation": entity.relation },
    shape("path", { class: "reach", d }),
    shape("path", { class: "line", d, "stroke-width": 1 + 2.6 * entity.strength }),
    ...heads(place),
  );
}

function node({ entity, side, x, y }) {
  const text = shape("text", {
    x: x + side * 13,
    y: y + 4.5,
    "text-anchor": side > 0 ? "start" : "end",
  });
  const element = shape(
    "g",
    { class: "name", "data-name": entity.name, "data-relation": entity.relation },
    shape("circle", { cx: x, cy: y, r: 4 + 3 * entity.strength }),
    text,
  );
  const title = shape("title", {});
  title.textContent = entity.written;
  element.append(title);
  return element;
}

// Breaks a long name into two lines at the blank nearest to its middle.
function linesOf(name) {
  const blanks = [...name.matchAll(/ /g)].map((match) => match.index);
  if (name.length <= ONE_LINE || !blanks.length) return [name];
  const off = (at) => Math.abs(at - name.length / 2);
  const at = blanks.reduce((best, next) => (off(next) < off(best) ? next : best));
  return [name.slice(0, at), name.slice(at + 1)];
}

// Draws the asked name in a box around the point 0, 0. `most` is half its maximal width. Returns
// {element, half}, half its width.
function pill(picture, name, most) {
  const lines = linesOf(name);
  const element = shape("g", { class: "asked" });
  picture.append(element);
  const texts = lines.map((line, n) => {
    const y = 5 + (n - (lines.length - 1) / 2) * 17;
    const text = shape("text", { x: 0, y, "text-anchor": "middle" });
    element.append(text);
    fit(text, line, 2 * most - 26);
    return text;
  });
  const half = Math.max(...texts.map((text) => text.getComputedTextLength())) / 2 + 15;
  const box = { x: -half, y: -PILL, width: 2 * half, height: 2 * PILL, rx: PILL };
  element.prepend(shape("rect", box));
  return { element, half };
}

// `around` is in order: names of one relation stand together. Screen readers and the keyboard use
// the list beside the drawing, which says the same.
export function draw(box, { center, around, current }, { onName, onTie }) {
  const width = Math.max(260, box.clientWidth);
  const narrow = width < NARROW;
  const rows = narrow ? around.length + 1 : Math.ceil(around.length / 2);
  const height = Math.max(narrow ? 0 : 220, rows * ROW + 2 * MARGIN);
  const label = `${center.written} and ${around.length} related names`;
  const size = { viewBox: `0 0 ${width} ${height}`, width, height };
  const picture = shape("svg", { role: "img", "aria-label": label, ...size });
  box.replaceChildren(picture);
  const { element: asked, half } = pill(picture, center.written, width * (narrow ? 0.4 : 0.15));
  const places = narrow ? onStem(around) : onArcs(around, { width, height, half });
  const parts = [
    ...places.map((place) => [place, tie(place), onTie]),
    ...places.map((place) => [place, node(place), onName]),
  ];
  for (const [{ entity, side, x }, element, act] of parts) {
    element.classList.toggle("current", entity.name === current);
    element.addEventListener("click", () => act(entity));
    picture.append(element);
    const text = element.querySelector("text");
    if (text) fit(text, entity.written, (side > 0 ? width - x : x) - 16);
  }
  const [x, y] = narrow ? [half + 2, PILL + 2] : [width / 2, height / 2];
  asked.setAttribute("transform", `translate(${x} ${y})`);
}
