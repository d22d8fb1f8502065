import { Chart } from "./chart.js";
import { EditedField, post, setText } from "./edited_field.js";

const at = (id) => document.getElementById(id);

/** Delays in milliseconds before the page connects again. */
const [FIRST_DELAY, MAX_DELAY] = [250, 8000];

/** Text of each reason. */
const REASONS = {
  accept: "No test of the gate flags this label.",
  "background-dominates": "The background supports this label more than the person does.",
  "person-disagrees": "Likely wrong: the person alone gives another label.",
  "likely-wrong": "Likely wrong.",
  "no-person": "No person in most frames.",
  "too-few-frames": "Too few distinct frames to judge.",
  "person-fills-frame": "Too little background to judge.",
  "low-confidence": "No label is probable enough.",
};

/** Text of each way in which a gate is calibrated. */
const CALIBRATIONS = {
  labels: "calibrated",
  unlabelled: "calibrated without labels",
  overridden: "thresholds changed since calibration",
};

/** Text of which views rank the label first. */
const EXPLANATIONS = {
  person: "The person alone gives this label.",
  background: "The background alone gives this label.",
  both: "The person alone gives this label, and so does the background.",
  neither: "Only the whole picture gives this label.",
};

const chart = new Chart(at("chart"));
const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));

/** Returns `seconds` in words. */
function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

function showWindow(line) {
  const isNobodySeen = line.reason === "no-person";
  const label = isNobodySeen ? "nobody is seen" : line.label;
  const reason = REASONS[line.reason ?? line.verdict] ?? line.reason;
  const calibration = CALIBRATIONS[line.calibrated] ?? "not calibrated";
  setText(at("source"), line.source === "-" ? "stdin" : line.source);
  setText(at("label"), label);
  at("label").classList.toggle("nobody", isNobodySeen);
  setText(at("badge"), line.verdict);
  at("badge").dataset.verdict = line.verdict;
  setText(at("reason"), reason);
  setText(at("calibrated"), calibration);
  setText(at("uncalibrated"), line.calibrated === "labels" ? "" : calibration);
  setText(at("explained"), isNobodySeen ? "" : (EXPLANATIONS[line.explained_by] ?? ""));
  setText(at("distinct"), `${line.distinct_frames} of ${line.frames.length}`);
  const first = { full: line.full, person: line.person_view, background: line.background_view };
  for (const view of Object.keys(first)) {
    showBar(view, isNobodySeen ? null : line.p[view], isNobodySeen ? undefined : first[view]?.[0]);
  }
  speak(`${label}: ${line.verdict}`, reason);
}

/** Shows the probability `p` of the label in a view, and the view's own `first` label. */
function showBar(view, p, first) {
  const bar = document.querySelector(`.bar.${view}`);
  const track = bar.querySelector(".track");
  // Without an exponent, which the attribute does not allow.
  track.ariaValueNow = (p ?? 0).toFixed(4);
  track.ariaValueText = p === null ? "unknown" : number(p);
  track.firstElementChild.style.width = `${100 * (p ?? 0)}%`;
  setText(bar.querySelector(".value"), number(p));
  setText(bar.querySelector("small"), first ? `first: ${first.label}, ${number(first.p)}` : "");
}

/** Tells screen readers of a verdict once it has changed. */
function speak(verdict, reason) {
  if (at("spoken").dataset.verdict === verdict) return;
  at("spoken").dataset.verdict = verdict;
  setText(at("spoken"), `${verdict}. ${reason}`);
}

/** Shows whether page and source are live. The age is not part of what screen readers are told: it changes always. */
function showLink(text, isUp, age = "") {
  setText(at("link"), text);
  at("link").dataset.up = isUp;
  setText(at("age"), age);
  at("verdict").classList.toggle("stale", !isUp);
  const isStale = !isUp && at("badge").dataset.verdict !== "none";
  setText(at("stale"), isStale ? "This is the last verdict that arrived." : "");
}

function showSource({ state, age_s: age }, reconnects) {
  const isAway = state === "away";
  if (isAway) showLink("away", false, `for ${duration(age)}`);
  else if (state === "ended") showLink("ended", true, `${duration(age)} ago`);
  else showLink(state === "waiting" ? "waiting for frames" : "live", true);
  const before = isAway ? `now${reconnects ? `, and ${reconnects} before` : ""}` : String(reconnects);
  setText(at("reconnects"), before);
}

/** Shows the share of flags and the mean risk beside those of the calibration, and warns of a drift. */
function showCalibration({ flagged, mean_risk: risk }) {
  const percent = (share) => `${number(100 * share, 0)} %`;
  const decimal = (value) => number(value);
  setText(at("flagged"), besideCalibration(flagged, percent, ", ", " at calibration"));
  setText(at("risk"), besideCalibration(risk, decimal, ", ", " at calibration"));
  const drifts = [];
  if (flagged?.is_drifting) drifts.push(`share of flags ${besideCalibration(flagged, percent, ", not ", "")}`);
  if (risk?.is_drifting) drifts.push(`mean risk ${besideCalibration(risk, decimal, ", not ", "")}`);
  // The numbers change always: screen readers are told once.
  if (at("drift").dataset.count === String(drifts.length)) return;
  at("drift").dataset.count = drifts.length;
  const text = `The calibration no longer fits (${drifts.join("; ")}): calibrate again.`;
  setText(at("drift"), drifts.length > 0 ? text : "");
}

/** Returns a running figure and, if there is one, that of the calibration between two texts. */
function besideCalibration(figure, text, before, after) {
  if (!figure) return "–";
  const running = text(figure.running);
  return figure.calibration === null ? running : `${running}${before}${text(figure.calibration)}${after}`;
}

function showState(state) {
  if (state.window) showWindow(state.window);
  showSource(state.source, state.reconnects);
  setText(at("rate"), `${number(state.frame_rate, 1)} / s`);
  setText(at("latency"), state.latency_ms === null ? "–" : `${number(state.latency_ms, 0)} ms`);
  setText(at("dropped"), String(state.dropped));
  setText(at("backend"), state.backend || "–");
  setText(at("celsius"), state.celsius === null ? "–" : `${number(state.celsius, 1)} °C`);
  setText(at("count"), String(state.labels || "–"));
  showCalibration(state.calibration);
  threshold.follow(state.tau);
  showLabels(state);
  showSwitch(state);
  chart.threshold = state.tau;
  if (state.window) {
    const { attribution, verdict } = state.window;
    chart.add({ number: state.number, at: state.at, attribution: attribution?.value, verdict });
  }
  chart.draw();
}

const threshold = new EditedField(at("threshold"), {
  path: "tau",
  body: (tau) => ({ tau }),
  read: (input) => input.valueAsNumber,
  write: (input, tau) => (input.value = tau),
  // The program computes in single precision.
  isSame: (a, b) => Math.fround(a) === Math.fround(b),
});

const names = (text) => text.split("\n").map((name) => name.trim()).filter(Boolean).join("\n");
const labels = new EditedField(at("relabel"), {
  path: "labels",
  body: (text) => ({ labels: text }),
  read: (input) => input.value,
  write: (input, text) => (input.value = text),
  isSame: (a, b) => names(a) === names(b),
});
/** The window and the set of labels that the field has followed, and the failure that was shown. */
const followed = { window: 0, set: 0, failure: null, isFetching: false };

function showLabels({ number: window, label_set: set, relabelling: update }) {
  setText(at("progress"), update.state === "embedding" ? `embedding, ${update.done} of ${update.total}` : "");
  const isSent = labels.state === "sent";
  if (update.state === "failed") showFailure(update.reason, isSent);
  else followed.failure = null;
  if (isSent && update.state !== "done") return;
  if (isSent) setText(labels.output, "embedded; in use from the next window");
  if (set && (followed.set !== set || (isSent && followed.window !== window))) fetchLabels(window, set);
}

/** Shows once why labels were refused: those of this page if they are sent, else those of another reader. */
function showFailure(reason, isSent) {
  if (isSent) labels.refuse(reason);
  else if (followed.failure !== reason && labels.state === "clean") setText(labels.output, reason);
  followed.failure = reason;
}

async function fetchLabels(window, set) {
  if (followed.isFetching) return;
  followed.isFetching = true;
  try {
    const response = await fetch("labels");
    if (!response.ok) return;
    labels.follow(await response.text());
    Object.assign(followed, { window, set });
  } catch {
    // The next message asks again.
  } finally {
    followed.isFetching = false;
  }
}

/** Whether the switch waits for the program's answer. */
let isSwitching = false;

function showSwitch(state) {
  at("pictures").classList.toggle("dark", !state.shows_pictures);
  at("dark").hidden = state.shows_pictures;
  if (!isSwitching) at("picture").checked = state.shows_pictures;
  at("picture").disabled = !state.may_show_pictures;
  if (!state.may_show_pictures) setText(at("shown"), "disabled in the settings of the program");
}

at("picture").addEventListener("change", async () => {
  isSwitching = true;
  const { isDone, text } = await post("picture", { on: at("picture").checked });
  isSwitching = false;
  setText(at("shown"), isDone ? "" : text);
});

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

let socket;

function connect(delay = FIRST_DELAY) {
  // One connection is enough.
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const address = new URL("live", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.binaryType = "blob";
  socket.onopen = () => {
    delay = FIRST_DELAY;
    // Another program may have the numbers of the one before.
    Object.assign(followed, { window: 0, set: 0, failure: null });
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return showPictures(data);
    const message = JSON.parse(data);
    if (message.history) chart.points = message.history;
    else showState(message);
  };
  socket.onclose = () => {
    showLink("not connected, retrying", false);
    setTimeout(() => retry(Math.min(2 * delay, MAX_DELAY)), delay);
  };
}

/** Connects again, unless the program asks for the token. */
async function retry(delay) {
  try {
    const response = await fetch("labels");
    if (response.status === 401) return askForToken();
  } catch {
    // The program does not answer yet.
  }
  connect(delay);
}

function askForToken() {
  showLink("restarted, or the access token has changed", false);
  at("ask").hidden = false;
  if (!at("dialog").open) at("dialog").showModal();
}

addEventListener("token-refused", askForToken);
at("ask").addEventListener("click", askForToken);
at("dialog").addEventListener("close", () => {
  if (at("dialog").returnValue !== "logged in") return;
  at("dialog").returnValue = "";
  at("ask").hidden = true;
  connect();
});

connect();
