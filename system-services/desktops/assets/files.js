// Files of a desktop's home: looking through folders, taking and giving files.
const { token, words: table } = document.body.dataset;
const words = JSON.parse(table);
const AT_ONCE = 2;
// From so many bytes on it is asked first whether a file fits: a browser hears nothing while it sends.
const LARGE = 1 << 20;

export function mount(place, name) {
  const waiting = [];
  // The rows of uploads, which stay when the page around them is another one.
  const transfers = document.createElement("ol");
  transfers.className = "transfers";
  let running = 0;

  async function load(path, from = 0) {
    try {
      const answer = await fetch(`/desktops/${name}/files?part=1&path=${encodeURIComponent(path)}&from=${from}`, {
        headers: { Accept: "text/html" }, signal: AbortSignal.timeout(15000),
      });
      if (answer.redirected) return location.assign("/login");
      place.innerHTML = await answer.text();
      keep();
    } catch {
      place.innerHTML = "";
      const problem = document.createElement("p");
      problem.className = "problem";
      problem.textContent = words.Unreachable;
      place.append(problem);
      keep();
      setTimeout(() => load(path, from), 3000);
      return;
    }
    dates();
  }

  function keep() {
    const slot = place.querySelector(".transfers");
    if (slot) slot.replaceWith(transfers);
    else place.append(transfers);
  }

  const here = () => place.querySelector(".listing")?.dataset.path ?? "";

  function dates() {
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    for (const time of place.querySelectorAll("time[data-time]")) {
      const seconds = Number(time.dataset.time);
      if (seconds > 0) time.textContent = format.format(new Date(seconds * 1000));
    }
  }

  function add(files) {
    const folder = here();
    for (const file of files) {
      const row = document.createElement("li");
      const label = document.createElement("span");
      const bar = document.createElement("progress");
      const cancel = document.createElement("button");
      label.className = "filename";
      label.textContent = file.name;
      bar.max = 1;
      bar.value = 0;
      cancel.type = "button";
      cancel.className = "quiet";
      cancel.textContent = words.Cancel;
      row.append(label, bar, cancel);
      transfers.append(row);
      const job = { file, folder, row, bar, cancel, label };
      cancel.addEventListener("click", () => end(job, "failed", words.Canceled));
      waiting.push(job);
    }
    next();
  }

  function next() {
    while (running < AT_ONCE && waiting.length > 0) {
      const job = waiting.shift();
      if (!job.over) start(job);
    }
  }

  async function start(job) {
    running += 1;
    const path = encodeURIComponent(job.folder ? `${job.folder}/${job.file.name}` : job.file.name);
    const why = job.file.size < LARGE ? "" : await refusal(path, job.file.size);
    if (why) end(job, "failed", `${words.UploadFailed}: ${why}`);
    if (!job.over) return send(job, path);
    running -= 1;
    next();
  }

  // Why a file cannot be put. What goes wrong with the question goes wrong with the file too, and is told then.
  async function refusal(path, size) {
    try {
      const answer = await fetch(`/desktops/${name}/room?path=${path}&size=${size}`, { signal: AbortSignal.timeout(15000) });
      return answer.status === 507 || answer.status === 413 ? await answer.text() : "";
    } catch {
      return "";
    }
  }

  function send(job, path) {
    const request = new XMLHttpRequest();
    job.request = request;
    request.open("PUT", `/desktops/${name}/file?path=${path}`);
    request.setRequestHeader("X-DockOS-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => { job.bar.value = event.loaded / Math.max(event.total, 1); });
    request.addEventListener("loadend", () => {
      running -= 1;
      if (request.status >= 200 && request.status < 300) {
        end(job, "done", words.Uploaded);
        if (here() === job.folder) load(job.folder);
      } else {
        end(job, "failed", `${words.UploadFailed}${request.responseText ? `: ${request.responseText}` : ""}`);
      }
      next();
    });
    request.send(job.file);
  }

  function end(job, kind, text) {
    if (job.over) return;
    job.over = true;
    job.request?.abort();
    job.bar.remove();
    job.cancel.remove();
    job.row.className = kind;
    job.label.textContent = `${job.file.name}: ${text}`;
    if (kind === "done") setTimeout(() => job.row.remove(), 6000);
  }

  place.addEventListener("click", (event) => {
    const folder = event.target.closest("a.folder");
    if (!folder || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { searchParams: to } = new URL(folder.href);
    load(to.get("path") ?? "", Number(to.get("from")));
  });
  place.addEventListener("change", (event) => {
    if (event.target.type !== "file") return;
    add([...event.target.files]);
    event.target.value = "";
  });
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("dragging");
  });
  place.addEventListener("dragleave", (event) => {
    if (!place.contains(event.relatedTarget)) place.classList.remove("dragging");
  });
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("dragging");
    // Folders cannot be read as files; they are left out.
    const items = [...event.dataTransfer.items].filter((item) => item.webkitGetAsEntry?.()?.isFile !== false);
    add(items.map((item) => item.getAsFile()).filter(Boolean));
  });
  keep();
  if (place.querySelector(".listing")) dates();
  else load("");
  return { load: () => load(here()) };
}

const page = document.querySelector(".files[data-name]");
if (page) mount(page, page.dataset.name);
