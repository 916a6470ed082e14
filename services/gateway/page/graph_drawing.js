// Draws a neighbourhood: the asked name in the middle, the others on an arc to each side of it.

const SVG = "http://www.w3.org/2000/svg";
// Pixels: between two names of a side, round the drawing, the room a label likes to have.
const ROW = 26;
const ROW_MAX = 54;
const MARGIN = 22;
const LABEL = 175;
const NARROW = 480;

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Half of `around` to the left, half to the right, each from top to bottom: {entity, side, x, y}.
function placed(around, { width, height, half }) {
  const gap = width < NARROW ? 34 : 60;
  const inner = half + gap;
  const outer = Math.max(inner, width / 2 - LABEL);
  const middle = Math.ceil(around.length / 2);
  return [around.slice(0, middle), around.slice(middle)].flatMap((names, right) => {
    const side = right ? 1 : -1;
    const step = Math.min(ROW_MAX, (height - 2 * MARGIN) / Math.max(1, names.length));
    return names.map((entity, n) => {
      const y = (n - (names.length - 1) / 2) * step;
      const bulge = Math.sqrt(Math.max(0, 1 - (2 * y / height) ** 2));
      const x = inner + (outer - inner) * bulge;
      return { entity, side, x: width / 2 + side * x, y: height / 2 + y };
    });
  });
}

// Shortened until it fits; the whole name is its title.
function fit(text, name, room) {
  text.textContent = name;
  let letters = Array.from(name);
  while (letters.length > 1 && text.getComputedTextLength() > room) {
    letters = letters.slice(0, -1);
    text.textContent = `${letters.join("").trimEnd()}…`;
  }
}

// A small arrow head; `way` 1 points right.
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

function tie(place, { width, height, half }) {
  const { entity, side, x, y } = place;
  const from = width / 2 + side * half;
  const fromY = height / 2 + ((y - height / 2) / height) * 22;
  const bend = from + (x - from) * 0.55;
  const d = `M ${from} ${fromY} C ${bend} ${fromY}, ${bend} ${y}, ${x} ${y}`;
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
  return { element, text };
}

function center(asked, { width, height, half }) {
  const text = shape("text", { x: width / 2, y: height / 2 + 5, "text-anchor": "middle" });
  const box = { x: width / 2 - half, y: height / 2 - 19, width: 2 * half, height: 38, rx: 19 };
  return { element: shape("g", { class: "asked" }, shape("rect", box), text), text };
}

// `around` come in order, those of one relation together. Screen readers and the keyboard have the
// list beside it, which says the same.
export function draw(box, { asked, around, current }, { onName, onTie }) {
  const width = Math.max(280, box.clientWidth);
  const rows = Math.ceil(around.length / 2);
  const size = {
    width,
    height: Math.max(220, rows * ROW + 2 * MARGIN),
    half: Math.min(95, Math.max(38, width * 0.11)),
  };
  const picture = shape("svg", {
    role: "img",
    "aria-label": `${asked.written} and ${around.length} names around it`,
    viewBox: `0 0 ${size.width} ${size.height}`,
    width: size.width,
    height: size.height,
  });
  box.replaceChildren(picture);
  const places = placed(around, size);
  for (const place of places) {
    const element = tie(place, size);
    element.classList.toggle("current", place.entity.name === current);
    element.addEventListener("click", () => onTie(place.entity));
    picture.append(element);
  }
  for (const place of places) {
    const { element, text } = node(place);
    element.classList.toggle("current", place.entity.name === current);
    element.addEventListener("click", () => onName(place.entity));
    picture.append(element);
    fit(text, place.entity.written, (place.side > 0 ? width - place.x : place.x) - 16);
  }
  const middle = center(asked, size);
  picture.append(middle.element);
  fit(middle.text, asked.written, 2 * size.half - 22);
}
