// Keeps the list of desktops as it is now, without taking what one is looking at away.
const { token, words: table } = document.body.dataset;
const words = JSON.parse(table);
const cards = document.getElementById("cards");
const search = document.querySelector(".search input");
const dialog = document.getElementById("reset");
const EVERY = 3000;
const PICTURE = 10000;
let timer;

function toast(text) {
  document.querySelector(".toast")?.remove();
  const box = document.createElement("div");
  box.className = "toast";
  box.setAttribute("role", "alert");
  box.textContent = text;
  document.body.append(box);
  setTimeout(() => box.remove(), 8000);
}

async function refresh() {
  clearTimeout(timer);
  timer = setTimeout(refresh, EVERY);
  if (document.visibilityState !== "visible") return;
  const query = search?.value ?? "";
  try {
    const answer = await fetch(`/desktops?part=1&q=${encodeURIComponent(query)}`, { signal: AbortSignal.timeout(8000) });
    if (answer.status === 401) return location.assign("/login");
    if (!answer.ok || query !== (search?.value ?? "")) return;
    show(await answer.text());
    if (document.querySelector(".toast.away")) document.querySelector(".toast").remove();
  } catch {
    toast(words.Unreachable);
    document.querySelector(".toast").classList.add("away");
  }
}

// Replaces only cards that changed, and leaves their pictures.
function show(html) {
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  const before = new Map([...cards.querySelectorAll(".desktop")].map((card) => [card.dataset.name, card]));
  for (const card of [...fresh.children]) {
    const old = before.get(card.dataset.name);
    if (!old) continue;
    const picture = old.querySelector("a.picture");
    const slot = card.querySelector("a.picture");
    card.source = card.outerHTML;
    if (old.source === card.source) {
      card.replaceWith(old);
    } else if (picture && slot) {
      slot.replaceWith(picture);
    }
  }
  const focus = document.activeElement?.closest?.("#cards") ? document.activeElement : null;
  cards.replaceChildren(...fresh.children);
  if (focus?.isConnected) focus.focus({ preventScroll: true });
  for (const image of cards.querySelectorAll("img")) watch(image);
}

function watch(image) {
  if (image.watched) return;
  image.watched = true;
  const again = () => {
    if (!image.isConnected) return;
    setTimeout(again, PICTURE);
    if (document.visibilityState !== "visible") return;
    const next = new Image();
    next.onload = () => { image.src = next.src; };
    next.src = `${new URL(image.src).pathname}?t=${Math.floor(Date.now() / PICTURE)}`;
  };
  image.onerror = () => setTimeout(again, 1000);
  setTimeout(again, PICTURE);
}

async function send(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST", headers: { "X-DockOS-Token": token, Accept: "text/plain" }, redirect: "manual", signal: AbortSignal.timeout(15000),
    });
    if (answer.type !== "opaqueredirect" && !answer.ok) toast(await answer.text());
  } catch {
    toast(words.Unreachable);
  }
  refresh();
}

cards.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if (!form.action.endsWith("/reset")) return send(form);
  const question = dialog.querySelector("form");
  question.action = form.action;
  dialog.querySelector("h2").textContent = words.ResetQuestion.replace("{}", form.closest(".desktop").dataset.title);
  dialog.showModal();
});
dialog.querySelector("[value=cancel]").addEventListener("click", () => dialog.close());
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  dialog.close();
  const form = document.createElement("form");
  form.action = event.target.action;
  send(form);
});
search?.addEventListener("input", () => {
  const query = search.value;
  history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : "/desktops");
  clearTimeout(timer);
  timer = setTimeout(refresh, 200);
});
search?.form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("visibilitychange", refresh);
for (const image of cards.querySelectorAll("img")) watch(image);
timer = setTimeout(refresh, EVERY);
