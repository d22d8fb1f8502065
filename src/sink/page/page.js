"use strict";

const at = (id) => document.getElementById(id);
const colour = (selector, property = "color") => getComputedStyle(document.querySelector(selector))[property];

/** Maximum number of points in the chart. */
const MAX_POINTS = 600;
let points = [];
let tau = 0;

/** Text of each reason. */
const REASONS = {
  accept: "The person supports this label more than the background does.",
  "background-dominates": "The background supports this label more than the person does.",
  "no-person": "No person in most frames.",
  "person-fills-frame": "Too little background to judge.",
  "low-confidence": "No label is probable enough.",
};

const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

function showWindow(line) {
  at("source").textContent = line.source === "-" ? "stdin" : line.source;
  at("label").textContent = line.label;
  at("badge").textContent = line.verdict;
  at("badge").dataset.verdict = line.verdict;
  at("reason").textContent = REASONS[line.reason ?? line.verdict] ?? line.reason;
  at("calibrated").textContent = line.calibrated ? "calibrated" : "not calibrated";
  for (const view of ["full", "person", "background"]) {
    const bar = document.querySelector(`.bar.${view}`);
    const track = bar.querySelector(".track");
    track.ariaValueNow = line.p[view] ?? 0;
    track.firstElementChild.style.width = `${100 * (line.p[view] ?? 0)}%`;
    bar.querySelector("output").textContent = number(line.p[view]);
    const best = line[view][0];
    bar.querySelector("small").textContent = best ? `first: ${best.label}, ${number(best.p)}` : "";
  }
}

function showState(state) {
  if (state.window) showWindow(state.window);
  at("rate").textContent = `${number(state.frame_rate, 1)} per second`;
  at("latency").textContent = state.latency_ms === null ? "–" : `${number(state.latency_ms, 0)} ms`;
  at("dropped").textContent = state.dropped;
  at("reconnects").textContent = state.reconnects;
  at("backend").textContent = state.backend || "–";
  at("celsius").textContent = state.celsius === null ? "–" : `${number(state.celsius, 1)} °C`;
  at("count").textContent = state.labels || "–";
  tau = state.tau;
  if (document.activeElement !== at("tau") && !at("tau").dataset.edited) at("tau").value = Number(tau.toFixed(4));
  at("pictures").classList.toggle("dark", !state.shows_pictures);
  at("dark").hidden = state.shows_pictures;
  at("picture").checked = state.shows_pictures;
  at("picture").disabled = !state.may_show_pictures;
  at("shown").textContent = state.may_show_pictures ? "" : "disabled in the settings of the program";
  const update = state.relabelling;
  at("label-update").textContent = {
    embedding: () => {
      at("label-update").dataset.applied = "embedded; in use from the next window";
      return `embedding, ${update.done} of ${update.total}`;
    },
    failed: () => update.reason,
    done: () => at("label-update").dataset.applied ?? "",
  }[update.state]();
  if (state.window) {
    const last = points.at(-1);
    const { dominance, verdict, frames } = state.window;
    const point = { at: state.at, dominance, verdict, key: String(frames) };
    if (!last || last.key !== point.key) points.push(point);
    points = points.slice(-MAX_POINTS);
  }
  draw();
}

async function showPictures(blob) {
  const strip = await createImageBitmap(blob);
  const width = strip.width / 4;
  for (const canvas of document.querySelectorAll("[data-panel]")) {
    canvas.width = width;
    canvas.height = strip.height;
    canvas.style.aspectRatio = `${width} / ${strip.height}`;
    const left = canvas.dataset.panel * width;
    canvas.getContext("2d").drawImage(strip, left, 0, width, strip.height, 0, 0, width, strip.height);
  }
  strip.close();
}

function draw() {
  const canvas = at("chart");
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, 160];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const values = points.map((point) => point.dominance).filter(Number.isFinite).concat([tau, 0]);
  const [low, high] = [Math.min(...values) - 0.5, Math.max(...values) + 0.5];
  const [left, bottom] = [38, height - 18];
  const y = (value) => 6 + ((high - value) / (high - low)) * (bottom - 6);
  const end = points.at(-1)?.at ?? 0;
  const start = Math.min(points[0]?.at ?? 0, end - 60);
  const x = (time) => left + ((time - start) / (end - start)) * (width - left - 8);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = colour(".key");
  pen.strokeStyle = colour(".track", "backgroundColor");
  pen.textBaseline = "middle";
  for (const value of [high - 0.5, (low + high) / 2, low + 0.5]) {
    pen.fillText(value.toFixed(1), 0, y(value));
    pen.beginPath();
    pen.moveTo(left, y(value));
    pen.lineTo(width, y(value));
    pen.stroke();
  }
  pen.textBaseline = "bottom";
  pen.fillText(`${Math.round(end - start)} s ago`, left, height);
  pen.textAlign = "right";
  pen.fillText("now", width, height);
  pen.textAlign = "left";
  pen.strokeStyle = colour("body");
  pen.setLineDash([5, 4]);
  pen.beginPath();
  pen.moveTo(left, y(tau));
  pen.lineTo(width, y(tau));
  pen.stroke();
  pen.setLineDash([]);
  const verdicts = ["accept", "flag", "abstain"];
  const colours = Object.fromEntries(verdicts.map((verdict) => [verdict, colour(`.key .${verdict}`)]));
  for (const point of points) {
    if (!Number.isFinite(point.dominance)) continue;
    pen.fillStyle = colours[point.verdict];
    pen.beginPath();
    pen.arc(x(point.at), y(point.dominance), 2.5, 0, 7);
    pen.fill();
  }
}

function connect(wait = 250) {
  const address = new URL("live", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address);
  socket.binaryType = "blob";
  socket.onopen = () => {
    wait = 250;
    at("link").textContent = "live";
    at("link").dataset.up = true;
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return showPictures(data);
    const message = JSON.parse(data);
    if (message.history) points = message.history;
    else showState(message);
  };
  socket.onclose = () => {
    at("link").textContent = "not connected, retrying";
    at("link").dataset.up = false;
    setTimeout(() => connect(Math.min(2 * wait, 8000)), wait);
  };
}

async function change(path, body, output) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = (await response.text()).trim();
    output.textContent = text;
    return response.ok;
  } catch (error) {
    output.textContent = String(error);
    return false;
  }
}

at("relabel").addEventListener("submit", async (event) => {
  event.preventDefault();
  const output = at("label-update");
  delete output.dataset.applied;
  // Labels whose embeddings are cached are in use before the next message.
  const isChanged = await change("labels", { labels: at("labels").value }, output);
  if (isChanged) output.dataset.applied = "in use from the next window";
});

at("tau").addEventListener("input", () => (at("tau").dataset.edited = "yes"));
at("threshold").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await change("tau", { tau: at("tau").valueAsNumber }, at("set"))) delete at("tau").dataset.edited;
});

at("picture").addEventListener("change", () => change("picture", { on: at("picture").checked }, at("shown")));

async function fetchLabels() {
  const response = await fetch("labels");
  const names = response.ok ? await response.text() : "";
  if (names && !at("labels").value) at("labels").value = names;
  if (!names) setTimeout(fetchLabels, 1000);
}

addEventListener("resize", draw);
fetchLabels();
connect();
