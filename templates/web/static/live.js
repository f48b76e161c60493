// Makes the page live: papers while you type, the time zone guessed. Everything works without it.
"use strict";

const zone = document.querySelector("select[data-guess]");
if (zone) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const option of zone.options) if (option.text === mine) zone.value = mine;
}

const form = document.querySelector("form[data-live]");
const sheet = document.getElementById("papers");
const status = document.getElementById("status");
let timer = 0;
let running = null;

async function show() {
  if (running) running.abort();
  running = new AbortController();
  sheet.classList.add("busy");
  try {
    const method = form.dataset.method || "GET";
    const fields = new FormData(form);
    let url = form.dataset.live;
    const options = { method, signal: running.signal, headers: { Accept: "text/html", "X-Part": "1" } };
    if (method === "GET") {
      const asked = new URLSearchParams({ topics: fields.get("topics") || "", part: "1" });
      if (fields.get("trending")) asked.set("trending", fields.get("trending"));
      url += "?" + asked;
    } else {
      fields.set("action", "preview");
      options.body = new URLSearchParams(fields);
    }
    const answer = await fetch(url, options);
    if (!answer.ok && answer.status !== 422 && answer.status !== 429) throw new Error(answer.status);
    sheet.innerHTML = await answer.text();
    const outcome = document.getElementById("outcome");
    if (status) status.textContent = outcome ? outcome.textContent : "";
  } catch (error) {
    if (error.name === "AbortError") return;
    if (status) status.textContent = "The preview did not load. Press the button to try again.";
  }
  sheet.classList.remove("busy");
}

if (form && sheet) {
  const soon = (event) => {
    if (event.target.closest("[data-quiet]")) return;
    clearTimeout(timer);
    timer = setTimeout(show, 350);
  };
  const whole = form.dataset.method === "POST";
  form.addEventListener("input", (event) => {
    if (whole || ["topics", "trending"].includes(event.target.name)) soon(event);
  });
}

// A number that, hashed with the form's stamp, begins with so many zero bits: found before the form is sent.
const proof = document.querySelector("input[data-bits]");
if (proof) {
  const whole = proof.form;
  const bits = Number(proof.dataset.bits);
  const prove = async () => {
    const encoder = new TextEncoder();
    for (let n = 0; ; n += 1) {
      const bytes = encoder.encode(whole.elements.stamp.value + ":" + n);
      const hash = new DataView(await crypto.subtle.digest("SHA-256", bytes)).getUint32(0);
      if (hash >>> (32 - bits) === 0) return String(n);
    }
  };
  const found = prove().then((n) => { proof.value = n; });
  whole.addEventListener("submit", (event) => {
    if (proof.value || event.submitter?.formAction.endsWith("/preview#papers")) return;
    event.preventDefault();
    found.then(() => whole.requestSubmit(event.submitter));
  });
}
