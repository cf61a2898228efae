"use strict";
/* Draws the page's charts. Curves over time are thinned to the lowest and highest value per few pixels of what is in
   view, and drawn anew for each view: so a long history stays quick, and a close look shows every bar. */

const page = JSON.parse(document.getElementById("data").textContent);
const MOST_CANDLES = 200; // in view; more become a line
const POINT = 2; // pixels per lowest-and-highest pair
const MOST_MARKS = 120; // positions in view; with more, colour alone says where one was held
const LOG_FROM = 3; // highest over lowest in view, above which equal steps should mean equal percentages
const DAY = 86400000;

const decode = (text, Kind) => new Kind(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const seconds = text => Float64Array.from(decode(text, Int32Array), s => page.start + 1000 * s);
const floats = text => decode(text, Float32Array);
const each = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

const columns = each(page.columns, (text, name) => (name === "time" ? seconds : floats)(text));
const trades = each(page.trades, (text, name) => (name.endsWith("time") ? seconds : floats)(text));
const time = columns.time;
const whole = [time[0], time[time.length - 1] + page.step];
let view = whole;

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The same figure with the page's colours for their names. */
function painted(node) {
  if (typeof node === "string") return node.startsWith("--") ? color(node) : node;
  if (Array.isArray(node)) return node.map(painted);
  if (node === null || typeof node !== "object" || ArrayBuffer.isView(node)) return node;
  return each(node, painted);
}

/** First index whose time is not before `moment`. */
function indexOf(times, moment) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < moment) low = middle + 1; else high = middle;
  }
  return low;
}

/** Indices of the lowest and highest value in each of so many buckets of [first, last). */
function extremes(values, first, last, buckets) {
  if (last - first <= 2 * buckets) return Array.from({length: last - first}, (_, k) => first + k);
  const found = [];
  for (let b = 0; b < buckets; b++) {
    const from = first + Math.floor((last - first) * b / buckets), to = first + Math.floor((last - first) * (b + 1) / buckets);
    let low = from, high = from;
    for (let k = from + 1; k < to; k++) {
      if (values[k] < values[low]) low = k;
      if (values[k] > values[high]) high = k;
    }
    found.push(Math.min(low, high));
    if (low !== high) found.push(Math.max(low, high));
  }
  return found;
}

const pick = (values, indices) => indices.map(k => (Number.isNaN(values[k]) ? null : values[k]));

function lineTrace(line, first, last, width) {
  const values = columns[line.column], indices = extremes(values, first, last, Math.ceil(width / POINT));
  const y = pick(values, indices);
  if (line.where) indices.forEach((k, n) => { if (!columns[line.where][k] && !columns[line.where][k + 1]) y[n] = null; });
  return {
    type: "scatter", mode: "lines", name: line.hover || line.label, x: pick(time, indices), y,
    line: {color: line.color, width: 1.3}, fill: line.fill ? "tozeroy" : "none",
    fillcolor: line.fill ? color(line.color) + "22" : undefined, hoverinfo: line.where ? "skip" : "x+y+name",
  };
}

/** Candles of the colour that the line would have: full where the price fell, hollow where it rose. */
function candleTrace(line, first, last) {
  const shown = Array.from({length: last - first}, (_, k) => first + k).filter(k => Boolean(columns.invested[k]) === Boolean(line.where));
  const prices = each({open: 0, high: 0, low: 0, close: 0}, (_, name) => pick(columns[name], shown));
  const side = fill => ({line: {color: line.color, width: 1}, fillcolor: fill});
  return {
    type: "candlestick", name: line.label, x: pick(time, shown), ...prices,
    increasing: side("--surface"), decreasing: side(line.color),
  };
}

/** Entries or exits inside the view. */
function markTrace(kind, symbol, name) {
  const times = trades[kind + "_time"], prices = trades[kind + "_price"];
  const shown = Array.from(times.keys()).filter(k => times[k] >= view[0] && times[k] <= view[1] && !Number.isNaN(prices[k]));
  const text = shown.map(k => kind === "entry" ? "entry" : `exit, ${(100 * trades.return[k]).toFixed(1)} %`);
  return {
    type: "scatter", mode: "markers", name: "", x: pick(times, shown), y: pick(prices, shown), text,
    marker: {symbol, size: 10, color: name, line: {width: 1, color: "--surface"}},
    hovertemplate: "%{text} at %{y:,}<extra></extra>",
  };
}

function marks() {
  if (indexOf(trades.entry_time, view[1]) - indexOf(trades.entry_time, view[0]) > MOST_MARKS) return [];
  return [markTrace("entry", "triangle-up", "--accent"), markTrace("exit", "triangle-down", "--loss")];
}

function traces(chart, first, last, width) {
  const close = chart.options.candles && last - first <= MOST_CANDLES;
  const drawn = chart.lines.map(line => close ? candleTrace(line, first, last) : lineTrace(line, first, last, width));
  return chart.options.candles ? [...drawn, ...marks()] : drawn;
}

/** The vertical axis: logarithmic, with steps of 1, 2, 5, where what is in view asks for it. */
function vertical(chart, first, last) {
  const names = chart.options.candles ? ["low", "high"] : chart.lines.map(line => line.column);
  const values = names.flatMap(name => Array.from(columns[name].subarray(first, last)));
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  const linear = {tickformat: chart.options.ticks, hoverformat: chart.options.values, zeroline: chart.options.zero, nticks: 6};
  if (!chart.options.log || !(low > 0 && high > LOG_FROM * low)) return linear;
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) ticks.push(...[1, 2, 5].map(step => step * 10 ** power));
  const text = ticks.map(tick => tick.toLocaleString("en", {maximumSignificantDigits: 1}));
  return {type: "log", tickvals: ticks, ticktext: text, hoverformat: chart.options.values};
}

const axis = {gridcolor: "--rule", linecolor: "--rule", zerolinecolor: "--quiet", zeroline: false, ticks: ""};

function layout(own) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", dragmode: false,
    font: {family: getComputedStyle(document.body).fontFamily, size: 12, color: "--quiet"},
    hoverlabel: {bgcolor: "--surface", bordercolor: "--rule", font: {color: "--ink"}, namelength: -1},
    margin: {l: 56, r: 16, t: 8, b: 36}, showlegend: false, ...own,
    xaxis: {...axis, fixedrange: true, ...own.xaxis}, yaxis: {...axis, fixedrange: true, ...own.yaxis},
  };
}

const settings = {responsive: true, displayModeBar: false, doubleClick: false};
const coarse = matchMedia("(pointer: coarse)").matches; // dragging scrolls there

function drawOverTime(chart) {
  const place = document.querySelector(`#${chart.name} .chart`);
  const first = Math.max(0, indexOf(time, view[0]) - 1), last = Math.min(time.length, indexOf(time, view[1]) + 1);
  const figure = layout({
    hovermode: "x unified", dragmode: coarse ? false : "zoom",
    xaxis: {type: "date", range: view, fixedrange: coarse, showgrid: false, rangeslider: {visible: false}},
    yaxis: vertical(chart, first, last),
  });
  Plotly.react(place, painted(traces(chart, first, last, place.clientWidth)), painted(figure), settings);
  return place;
}

function draw() {
  page.overTime.forEach(drawOverTime);
  document.querySelectorAll(".spans button").forEach(button =>
    button.setAttribute("aria-pressed", String(Math.abs(view[1] - view[0] - spanOf(button)) < 1)));
}

function drawAll() {
  draw();
  for (const chart of page.fixed) {
    Plotly.react(document.querySelector(`#${chart.name} .chart`), painted(chart.data), painted(layout(chart.layout)), settings);
  }
}

const spanOf = button => Number(button.dataset.days) * DAY || whole[1] - whole[0];
const utc = value => typeof value === "number" ? value : Date.parse(value.length > 10 ? value.replace(" ", "T") + "Z" : value);

function show(first, last) {
  view = [Math.max(whole[0], first), Math.min(whole[1], last)];
  draw();
}

drawAll();
for (const chart of page.overTime) {
  const place = document.querySelector(`#${chart.name} .chart`);
  place.on("plotly_relayout", change => {
    if ("xaxis.range[0]" in change) show(utc(change["xaxis.range[0]"]), utc(change["xaxis.range[1]"]));
  });
  place.on("plotly_doubleclick", () => show(...whole));
}
document.querySelectorAll(".spans button").forEach(button =>
  button.addEventListener("click", () => show(whole[1] - spanOf(button), whole[1])));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
