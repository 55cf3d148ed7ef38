// The sliders: an answer read off the fit's curves at the chosen stops, as `mixlaw recommend` reads
// it off the fit's draws. Every stop is a size or a budget at which the fit itself was asked.
"use strict";

const data = JSON.parse(document.getElementById("what-if-data").textContent);
const NAMES = ["n_params", "tokens", "bound", "risk"];
const STOPS = { n_params: data.sizes, tokens: data.tokens, bound: data.bounds, risk: data.risks };
const state = { ...data.asked };

// ---- numbers as people write them ----

function count(value) {
  for (const [unit, size] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size * 0.9995) return `${Number((value / size).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(3)));
}

function percent(ratio) {
  const whole = (ratio >= 0.1 && ratio <= 0.9) || ratio === 0 || ratio === 1;
  return `${(100 * ratio).toFixed(whole ? 0 : 1)}%`;
}

const nats = (value) => Number(value.toPrecision(3)).toString();

const WRITTEN = {
  n_params: (value) => `${count(value)} parameters`,
  tokens: (value) => `${count(value)} tokens`,
  bound: (value) => `${nats(value)} nats`,
  risk: (value) => `${Number((100 * value).toPrecision(3))}%`,
};

// ---- the fit's curves ----

function unpack({ shape, scale, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const values = new Float64Array(bytes.length / 2);
  for (let i = 0; i < values.length; i += 1) {
    const root = view.getInt16(2 * i, true) * scale;
    values[i] = root * Math.abs(root);
  }
  return { shape, values };
}

function row({ shape, values }, ...index) {
  const length = shape[shape.length - 1];
  let place = 0;
  index.forEach((i, axis) => { place = place * shape[axis] + i; });
  return values.subarray(place * length, (place + 1) * length);
}

const rise = unpack(data.rise);
const domain = unpack(data.domain);
const hasDomain = domain.shape[2] > 0;

const at = (name) => STOPS[name].indexOf(state[name]);

function curve(name) {
  const reference = data.references.indexOf(state.reference);
  return row(rise, reference, at("n_params"), at("tokens"), data.curves.indexOf(name));
}

// Where a curve is last at or below a bound; null where it never is.
function lastKept(values, bound) {
  const shares = data.ratios;
  for (let i = values.length - 1; i >= 0; i -= 1) {
    if (values[i] <= bound) {
      if (i === values.length - 1) return shares[i];
      const part = (bound - values[i]) / (values[i + 1] - values[i]);
      return shares[i] + part * (shares[i + 1] - shares[i]);
    }
  }
  return null;
}

// An end of the interval of the critical share, between those of two neighbouring draws.
function end(name, bound) {
  const [below, above] = ["below", "above"].map((side) => lastKept(curve(`${name}_${side}`), bound) ?? 0);
  return below + data.between[name] * (above - below);
}

function interpolate(shares, values, share) {
  let i = shares.findIndex((other) => other >= share);
  if (i <= 0) i = 1;
  const part = (share - shares[i - 1]) / (shares[i] - shares[i - 1]);
  return values[i - 1] + part * (values[i] - values[i - 1]);
}

function answer() {
  const [size, budget] = [at("n_params"), at("tokens")];
  const why = data.why[size][budget];
  if (why) return { feasible: null, recommended: null, estimate: null, low: 0, high: 1, why };
  const bound = state.bound;
  const reference = data.references.indexOf(state.reference);
  const recommended = lastKept(curve(`risk ${Number(state.risk.toPrecision(6))}`), bound);
  const estimate = lastKept(curve("estimate"), bound);
  const low = end("low", bound);
  const high = end("high", bound);
  const ends = { low: Math.min(low, estimate ?? low), high: Math.max(high, estimate ?? high) };
  if (bound < data.least[size][budget]) {
    return {
      feasible: null, recommended: null, estimate: null, ...ends,
      why: "The general losses differ more by chance than by size, tokens and share.",
    };
  }
  if (recommended === null) {
    const surely = bound < data.surely[reference][size][budget];
    const why_none = surely
      ? "No share keeps the rise within this bound."
      : "No share surely keeps the rise within this bound.";
    return { feasible: surely ? false : null, recommended, estimate, ...ends, why: why_none };
  }
  const told = high - low < data.not_identified;
  const text = told ? "" : "The interval is too wide to tell the share.";
  return { feasible: told ? true : null, recommended, estimate, ...ends, why: text };
}

// ---- the answer in words ----

function band([estimate, low, high], decimals) {
  const ends = [estimate, Math.min(low, estimate), Math.max(high, estimate)];
  const [middle, from, to] = ends.map((value) => value.toFixed(decimals));
  return `${middle} (${from} to ${to})`;
}

function show(name, text, value) {
  const place = document.getElementById(`answer-${name}`);
  if (!place) return;
  place.textContent = text;
  place.dataset.value = value ?? "none";
}

function showAnswer(found) {
  const { recommended, estimate, low, high, feasible, why } = found;
  const verdict = {
    true: `Recommended domain share: ${recommended === null ? "none" : percent(recommended)}.`,
    false: "No domain share is feasible.",
    null: "The data cannot tell the domain share.",
  }[String(feasible)];
  show("verdict", why ? `${verdict} ${why}` : verdict, String(feasible));
  show("recommended", recommended === null ? "none" : percent(recommended), recommended);
  show("critical", estimate === null ? "none" : percent(estimate), estimate);
  show("interval", `${percent(low)} to ${percent(high)}`, `${low} ${high}`);
  const where = recommended ?? null;
  const told = where !== null;
  const rises = ["estimate", "low", "high"].map((name) => told && interpolate(data.ratios, curve(name), where));
  show("rise", told ? band(rises, 4) : "none", told ? rises[0] : null);
  if (hasDomain) {
    const losses = [0, 1, 2].map((i) => told
      && interpolate(data.domain_ratios, row(domain, at("n_params"), at("tokens"), i), where));
    show("domain", told ? band(losses, 3) : "none", told ? losses[0] : null);
  }
}

// ---- the picture ----

const WIDEST = 640;
const NARROWEST = 320;
let width = WIDEST; // of the picture: as wide as its place, so that its words keep their size
let printing = false;
const LEFT = 64;
const RIGHT = 24;
const PANELS = { rise: { top: 22, height: 220 }, domain: { top: 286, height: 136 } };

const across = (share) => LEFT + share * (width - LEFT - RIGHT);

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  if (text !== undefined) made.textContent = text;
  return made;
}

function ticks(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

function drawPanel(svg, { top, height }, [low, high], shares, [estimate, lower, upper], label) {
  const up = (value) => top + height * (1 - (Math.min(Math.max(value, low), high) - low) / (high - low));
  ticks(low, high).forEach((tick) => {
    svg.append(element("line", { x1: LEFT, x2: width - RIGHT, y1: up(tick), y2: up(tick), class: "grid" }));
    svg.append(element("text", { x: LEFT - 6, y: up(tick) + 4, class: "tick", "text-anchor": "end" },
      Number(tick.toPrecision(6))));
  });
  [0, 0.2, 0.4, 0.6, 0.8, 1].forEach((share) => {
    svg.append(element("line", { x1: across(share), x2: across(share), y1: top, y2: top + height, class: "grid" }));
    svg.append(element("text", { x: across(share), y: top + height + 15, class: "tick", "text-anchor": "middle" },
      percent(share)));
  });
  const points = (values) => Array.from(values, (value, i) => `${across(shares[i]).toFixed(1)},${up(value).toFixed(1)}`);
  if (estimate) {
    svg.append(element("polygon", { points: [...points(lower), ...points(upper).reverse()].join(" "), class: "band" }));
    // A curve that leaves the panel is not drawn along its edge.
    const inside = points(estimate).filter((_, i) => estimate[i] <= high && estimate[i] >= low);
    svg.append(element("polyline", { points: inside.join(" "), class: "curve" }));
  }
  svg.append(element("text", { x: 4, y: top - 8, class: "label" }, label));
  return up;
}

function mark(svg, share, { top, height }) {
  if (share === null) return;
  svg.append(element("line", { x1: across(share), x2: across(share), y1: top, y2: top + height, class: "recommended" }));
}

function drawRise(svg, found, known) {
  const panel = PANELS.rise;
  const curves = known ? ["estimate", "low", "high"].map(curve) : [];
  const room = 4 * state.bound;
  const high = known ? Math.max(Math.min(Math.max(...curves[2]), room), 1.5 * state.bound) : room;
  const low = known ? Math.max(Math.min(...curves[1], 0), -room) : -state.bound;
  const label = `General loss over the ${state.reference}'s (nats per token)`;
  const up = drawPanel(svg, panel, [low, high], data.ratios, curves, label);
  const line = up(state.bound);
  svg.append(element("line", { x1: LEFT, x2: width - RIGHT, y1: line, y2: line, class: "bound" }));
  svg.append(element("text", { x: LEFT + 6, y: line - 5, class: "bound-label" }, `allowed: ${nats(state.bound)} nats`));
  data.measured.filter((cell) => state.reference in cell.rise).forEach((cell, i) => {
    cell.ratios.forEach((share, k) => {
      const value = cell.rise[state.reference][k];
      if (value < low || value > high) return;
      svg.append(i === 0
        ? element("circle", { cx: across(share), cy: up(value), r: 4.5, class: "measured" })
        : element("rect", { x: across(share) - 4, y: up(value) - 4, width: 8, height: 8, class: "measured" }));
    });
  });
  if (!known) return;
  svg.append(element("line", { x1: across(found.low), x2: across(found.high), y1: line, y2: line, class: "interval" }));
  if (found.estimate !== null) {
    svg.append(element("circle", { cx: across(found.estimate), cy: line, r: 6, class: "critical" }));
  }
  mark(svg, found.recommended, panel);
}

function drawDomain(svg, found, known) {
  const panel = PANELS.domain;
  const curves = known ? [0, 1, 2].map((i) => row(domain, at("n_params"), at("tokens"), i)) : [];
  // The loss without any domain data towers over all others: the panel begins at a share of 2%.
  const from = data.domain_ratios.findIndex((share) => share >= 0.02);
  const ends = known
    ? [Math.min(...curves[1].subarray(from)), Math.max(...curves[2].subarray(from))] : [0, 1];
  const pad = 0.05 * (ends[1] - ends[0]) || 0.05;
  drawPanel(svg, panel, [ends[0] - pad, ends[1] + pad], data.domain_ratios, curves, "Domain loss (nats per token)");
  if (known) mark(svg, found.recommended, panel);
}

function draw(found) {
  const svg = document.getElementById("decision-figure");
  const height = hasDomain ? 466 : 286;
  width = printing ? WIDEST : Math.max(NARROWEST, Math.min(WIDEST, svg.parentElement.clientWidth));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  const known = !data.why[at("n_params")][at("tokens")];
  const words = `${WRITTEN.n_params(state.n_params)}, ${WRITTEN.tokens(state.tokens)}: `
    + document.getElementById("answer-verdict").textContent;
  svg.append(element("title", {}, `Rise of the general loss and domain loss against the domain share. ${words}`));
  drawRise(svg, found, known);
  if (hasDomain) drawDomain(svg, found, known);
  svg.append(element("text", { x: (LEFT + width) / 2, y: height - 4, class: "tick", "text-anchor": "middle" },
    "domain share of the training tokens"));
}

// ---- moving ----

function update() {
  NAMES.forEach((name) => {
    const slider = document.getElementById(`slider-${name}`);
    const text = WRITTEN[name](state[name]);
    slider.value = at(name);
    slider.setAttribute("aria-valuetext", text);
    const shown = document.getElementById(`value-${name}`);
    shown.textContent = state[name] === data.asked[name] ? `${text} (as asked)` : text;
    shown.dataset.value = state[name];
  });
  data.references.forEach((name) => {
    document.getElementById(`reference-${name}`).checked = state.reference === name;
  });
  const found = answer();
  showAnswer(found);
  draw(found);
}

NAMES.forEach((name) => {
  const slider = document.getElementById(`slider-${name}`);
  slider.max = STOPS[name].length - 1;
  slider.disabled = STOPS[name].length < 2;
  slider.addEventListener("input", () => {
    state[name] = STOPS[name][Number(slider.value)];
    update();
  });
});
data.references.forEach((name) => {
  document.getElementById(`reference-${name}`).addEventListener("change", () => {
    state.reference = name;
    update();
  });
});
document.getElementById("as-asked").addEventListener("click", () => {
  Object.assign(state, data.asked);
  update();
});
window.addEventListener("resize", () => draw(answer()));
[["beforeprint", true], ["afterprint", false]].forEach(([event, begins]) => {
  window.addEventListener(event, () => {
    printing = begins;
    draw(answer());
  });
});
document.querySelectorAll("button[data-copies]").forEach((button) => {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "copied";
  });
});
document.body.classList.add("with-script");
update();
