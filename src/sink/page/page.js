"use strict";

const at = (id) => document.getElementById(id);
const colour = (selector, property = "color") => getComputedStyle(document.querySelector(selector))[property];

/** Points of the chart; the server sends the last minutes first. */
const LONGEST = 600;
let course = [];
let tau = 0;

/** Why, in words. */
const REASONS = {
  accept: "The person shows it more than the room does.",
  "background-dominates": "The room alone explains this better than the person does.",
  "no-person": "Nobody is seen in most frames.",
  "person-fills-frame": "Too little of the room is seen to judge by.",
  "low-confidence": "No action is probable enough.",
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
    bar.querySelector("small").textContent = best ? `sees ${best.label} first, ${number(best.p)}` : "";
  }
}

function showState(state) {
  if (state.window) showWindow(state.window);
  at("rate").textContent = `${number(state.frame_rate, 1)} a second`;
  at("latency").textContent = state.latency_ms === null ? "–" : `${number(state.latency_ms, 0)} ms`;
  at("dropped").textContent = state.dropped;
  at("reconnects").textContent = state.reconnects;
  at("backend").textContent = state.backend || "–";
  at("celsius").textContent = state.celsius === null ? "–" : `${number(state.celsius, 1)} °C`;
  at("count").textContent = state.labels || "–";
  tau = state.tau;
  if (document.activeElement !== at("tau") && !at("tau").dataset.typed) at("tau").value = Number(tau.toFixed(4));
  at("pictures").classList.toggle("dark", !state.shows_pictures);
  at("dark").hidden = state.shows_pictures;
  at("picture").checked = state.shows_pictures;
  at("picture").disabled = !state.may_show_pictures;
  at("shown").textContent = state.may_show_pictures ? "" : "switched off where the program was started";
  const { relabelling } = state;
  at("relabelling").textContent = {
    embedding: () => {
      at("relabelling").dataset.asked = "embedded, and in use from the next window on";
      return `embedding, ${relabelling.done} of ${relabelling.total}`;
    },
    failed: () => relabelling.reason,
    done: () => at("relabelling").dataset.asked ?? "",
  }[relabelling.state]();
  if (state.window) {
    const last = course.at(-1);
    const moment = { at: state.at, dominance: state.window.dominance, verdict: state.window.verdict, key: String(state.window.frames) };
    if (!last || last.key !== moment.key) course.push(moment);
    course = course.slice(-LONGEST);
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
    canvas.getContext("2d").drawImage(strip, canvas.dataset.panel * width, 0, width, strip.height, 0, 0, width, strip.height);
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
  const values = course.map((moment) => moment.dominance).filter(Number.isFinite).concat([tau, 0]);
  const [low, high] = [Math.min(...values) - 0.5, Math.max(...values) + 0.5];
  const [left, bottom] = [38, height - 18];
  const y = (value) => 6 + ((high - value) / (high - low)) * (bottom - 6);
  const end = course.at(-1)?.at ?? 0;
  const start = Math.min(course[0]?.at ?? 0, end - 60);
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
  const colours = Object.fromEntries(["accept", "flag", "abstain"].map((verdict) => [verdict, colour(`.key .${verdict}`)]));
  for (const moment of course) {
    if (!Number.isFinite(moment.dominance)) continue;
    pen.fillStyle = colours[moment.verdict];
    pen.beginPath();
    pen.arc(x(moment.at), y(moment.dominance), 2.5, 0, 7);
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
    const told = JSON.parse(data);
    if (told.history) course = told.history;
    else showState(told);
  };
  socket.onclose = () => {
    at("link").textContent = "not connected, trying again";
    at("link").dataset.up = false;
    setTimeout(() => connect(Math.min(2 * wait, 8000)), wait);
  };
}

async function change(path, body, answer) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = (await response.text()).trim();
    answer.textContent = text;
    return response.ok;
  } catch (error) {
    answer.textContent = String(error);
    return false;
  }
}

at("relabel").addEventListener("submit", async (event) => {
  event.preventDefault();
  const output = at("relabelling");
  delete output.dataset.asked;
  // Labels that were embedded before are there before the next news.
  if (await change("labels", { labels: at("labels").value }, output)) output.dataset.asked = "in use from the next window on";
});

at("tau").addEventListener("input", () => (at("tau").dataset.typed = "yes"));
at("threshold").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await change("tau", { tau: at("tau").valueAsNumber }, at("set"))) delete at("tau").dataset.typed;
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
