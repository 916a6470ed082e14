// What is said of a document as text that people edit, and back.

// `a, b` as tags; the same one twice is one.
export function tagsOf(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
}

// One user or group a line; null, the whole tenant, when there is none. Throws an Error that says
// which line is wrong.
export function readersOf(text) {
  const readers = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const wrong = readers.find((reader) => !/^(user|group):./.test(reader));
  if (wrong) throw new Error(`Write "user:" or "group:" before each name. Not so here: ${wrong}`);
  return readers.length ? [...new Set(readers)] : null;
}

function asJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// A text stands in quotes only where it would be read as something else.
function written(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = value.trim() === value && value && !/[\n"]/.test(value);
  return plain && asJson(value) === undefined ? value : JSON.stringify(value);
}

function writtenKey(key) {
  return key.trim() === key && key && !/[\n":]/.test(key) ? key : JSON.stringify(key);
}

// One `key: value` a line.
export function linesOf(metadata) {
  return Object.entries(metadata)
    .map(([key, value]) => `${writtenKey(key)}: ${written(value)}`)
    .join("\n");
}

// The reverse of linesOf. Throws an Error that says which line is wrong.
export function valuesOf(text) {
  const found = {};
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    const parts = /^\s*("(?:[^"\\]|\\.)*"|[^":]+):(.*)$/.exec(line);
    if (!parts) throw new Error(`Write one "key: value" on each line. This line has none: ${line}`);
    const [, key, value] = parts.map((part) => part.trim());
    const read = asJson(value);
    const isValue = ["string", "number", "boolean"].includes(typeof read);
    found[key.startsWith('"') ? asJson(key) : key] = isValue ? read : value;
  }
  return found;
}

export function descriptionOf({ tags, metadata, visibility }) {
  return { tags, metadata, visibility };
}
