// A desktop's screen: noVNC, which comes back by itself when the network or the desktop was away.
const { token, words: table } = document.body.dataset;
const words = JSON.parse(table);
const by = (id) => document.getElementById(id);
const place = by("desktop");
const { name } = place.dataset;
const touches = place.dataset.touch === "yes";
const overlay = by("overlay");
const again = by("again");
const PAUSES = [1, 2, 4, 8, 15, 30];
const LOOK = 5000;
// What the server closes a websocket with when the desktop says nothing.
const STALLED = 1013;
const KEY = { shift: 0xffe1, control: 0xffe3, insert: 0xff63, v: 0x76 };
const { default: RFB } = await import(place.dataset.novnc);

let rfb = null;
let tries = 0;
let timer = 0;
let connected = false;
let silent = 0;
let received = "";
let sent = "";

// What is shown while there is no screen.
function cover(title, text = "", button = null) {
  overlay.hidden = false;
  overlay.classList.toggle("still", button?.still ?? false);
  overlay.querySelector("h1").textContent = title;
  overlay.querySelector("p").textContent = text;
  again.hidden = !button;
  if (button) {
    again.textContent = button.words;
    again.onclick = button.act;
  }
}

function wait(seconds, tick, act) {
  clearTimeout(timer);
  if (seconds <= 0) return act();
  tick?.(seconds);
  timer = setTimeout(() => wait(seconds - 1, tick, act), 1000);
}

async function ask() {
  const answer = await fetch(`/desktops/${name}/state`, { signal: AbortSignal.timeout(5000) });
  if (answer.status === 401) {
    cover(words.LoggedOut, "", { words: words.LogIn, still: true, act: () => location.assign(`/login?to=/desktops/${name}`) });
    return null;
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function connect() {
  clearTimeout(timer);
  if (rfb) return;
  let now;
  try {
    now = await ask();
  } catch (error) {
    return retry(words.Lost, error.name === "Error" ? error.message : words.Unreachable);
  }
  if (!now || rfb) return;
  tell(now);
  if (now.state === "ready" && now.visible) return open();
  const start = { words: words.Start, still: true, act: () => order("start") };
  if (now.state === "stopped") cover(words.IsOff, now.reason, start);
  else if (now.state === "failed") cover(words.IsFailed, now.reason, start);
  else if (now.state === "ready") cover(words.NoScreen, "", null);
  else cover(now.state === "starting" ? words.IsStarting : now.words, now.reason);
  timer = setTimeout(connect, 1500);
}

async function order(what) {
  cover(words.Connecting);
  try {
    const answer = await fetch(`/desktops/${name}/${what}`, {
      method: "POST", headers: { "X-DockOS-Token": token }, redirect: "manual", signal: AbortSignal.timeout(15000),
    });
    if (answer.type !== "opaqueredirect" && !answer.ok) {
      clearTimeout(timer);
      return cover(words.IsFailed, await answer.text(), { words: words.AgainNow, still: true, act: connect });
    }
  } catch { /* The next look says why. */ }
  connect();
}

function retry(title, text) {
  const pause = PAUSES[Math.min(tries, PAUSES.length - 1)];
  tries += 1;
  const button = { words: words.AgainNow, act: connect };
  wait(pause, (left) => cover(title, `${text ? `${text} ` : ""}${words.AgainIn.replace("{}", left)}`, button), connect);
}

function open() {
  if (tries === 0) cover(words.Connecting);
  const channel = new WebSocket(`wss://${location.host}/desktops/${name}/screen`);
  let stalled = false;
  channel.addEventListener("close", (event) => { stalled = event.code === STALLED; });
  const screen = new RFB(place, channel, { shared: true });
  rfb = screen;
  screen.viewOnly = !touches;
  screen.scaleViewport = true;
  // A phone shows the desktop as it is, made smaller: it would become useless at a phone's size.
  screen.resizeSession = touches && matchMedia("(min-width: 800px)").matches;
  screen.showDotCursor = true;
  screen.qualityLevel = 8;
  screen.compressionLevel = 2;
  screen.background = "transparent";
  screen.addEventListener("connect", () => {
    connected = true;
    tries = 0;
    silent = 0;
    sent = "";
    overlay.hidden = true;
    screen.focus({ preventScroll: true });
    take();
  });
  screen.addEventListener("clipboard", (event) => give(event.detail.text));
  screen.addEventListener("disconnect", () => {
    connected = false;
    by("watching").hidden = true;
    if (rfb === screen) rfb = null;
    // It may have been stopped, or someone logged out: the first try asks at once.
    if (tries === 0 && !stalled) {
      tries = 1;
      cover(words.Lost);
      timer = setTimeout(connect, 400);
    } else retry(stalled ? words.Stalled : words.Lost, "");
  });
}

// Who watches, and whether the server is still there: a network that is gone closes no websocket.
async function look() {
  if (connected && document.visibilityState === "visible") {
    try {
      const now = await ask();
      silent = 0;
      if (!now) rfb?.disconnect();
      else {
        tell(now);
        // A desktop that stops, or whose screen the agent no longer reaches.
        if (now.state !== "ready") cover(now.words, now.reason);
        else if (connected) overlay.hidden = true;
      }
    } catch (error) {
      silent += error.name === "Error" ? 0 : 1;
      if (silent >= 2) rfb?.disconnect();
    }
  }
  setTimeout(look, LOOK);
}

function tell(now) {
  const badge = by("watching");
  badge.hidden = now.watching.length === 0;
  badge.textContent = words.Watching.replace("{}", now.watching.join(", "));
}

// The clipboard: to the student's computer where the browser allows it, and to the panel always.
const box = document.querySelector("#text-panel textarea");
function give(text) {
  received = text;
  if (box && document.activeElement !== box) box.value = text;
  if (touches && document.hasFocus()) navigator.clipboard?.writeText(text).catch(() => {});
}

async function take() {
  if (!touches || !connected || !document.hasFocus() || !navigator.clipboard?.readText) return;
  try {
    // Browsers that know no such permission would ask each time: there the panel is the way.
    const permission = await navigator.permissions.query({ name: "clipboard-read" });
    if (permission.state === "denied") return;
    paste(await navigator.clipboard.readText());
  } catch { /* Not allowed: the panel is the way. */ }
}

function paste(text) {
  if (!connected || !text || text === sent || text === received) return;
  sent = text;
  rfb.clipboardPasteFrom(text);
}

function insert(modifier, code, key, keyCode) {
  const text = box.value;
  if (!connected || !text) return;
  sent = text;
  rfb.clipboardPasteFrom(text);
  // The desktop is told of the text first; its program asks for it when the keys arrive.
  setTimeout(() => {
    rfb?.sendKey(modifier, code, true);
    rfb?.sendKey(key, keyCode);
    rfb?.sendKey(modifier, code, false);
    box.value = "";
    box.focus();
  }, 120);
}

function toggle(id) {
  for (const panel of document.querySelectorAll(".panel")) {
    const own = panel.id === `${id}-panel`;
    panel.hidden = own ? !panel.hidden : true;
    by(panel.id.replace("-panel", "")).classList.toggle("on", !panel.hidden);
  }
  if (id && !by(`${id}-panel`).hidden) by(`${id}-panel`).querySelector("textarea")?.focus();
  else rfb?.focus();
}

if (touches) {
  let files = null;
  by("text").addEventListener("click", () => toggle("text"));
  by("files").addEventListener("click", async () => {
    toggle("files");
    if (files) return files.load();
    const { mount } = await import(place.dataset.files);
    files = mount(document.querySelector("#files-panel .files"), name);
  });
  by("insert").addEventListener("click", () => insert(KEY.shift, "ShiftLeft", KEY.insert, "Insert"));
  by("insert-v").addEventListener("click", () => insert(KEY.control, "ControlLeft", KEY.v, "KeyV"));
  by("copy").addEventListener("click", async () => {
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      document.execCommand("copy");
    }
    by("copy").textContent = words.Copied;
    setTimeout(() => { by("copy").textContent = words.CopyOut; }, 1500);
  });
  // Ctrl+Enter in the panel inserts, without the mouse.
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && !event.isComposing) by("insert").click();
    if (event.key === "Escape" && !event.isComposing) toggle("");
  });
  for (const button of document.querySelectorAll(".panel .close")) button.addEventListener("click", () => toggle(""));
  window.addEventListener("focus", take);
  place.addEventListener("pointerdown", take);
}

by("full").addEventListener("click", async () => {
  if (document.fullscreenElement) return document.exitFullscreen();
  try {
    await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    // Alt+Tab, the Windows key and Escape go to the desktop too; Escape held down leaves.
    await navigator.keyboard?.lock?.();
  } catch { /* The browser does not allow it. */ }
  rfb?.focus();
});
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement) navigator.keyboard?.unlock?.();
});
function bar(shown) {
  by("bar").hidden = !shown;
  by("show").hidden = shown;
  overlay.style.top = shown ? "" : "0";
  sessionStorage.setItem("bar", shown ? "" : "hidden");
  rfb?.focus();
}
by("hide").addEventListener("click", () => bar(false));
by("show").addEventListener("click", () => bar(true));
if (sessionStorage.getItem("bar")) bar(false);
window.addEventListener("online", () => connect());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && !rfb) connect();
});
connect();
setTimeout(look, LOOK);
