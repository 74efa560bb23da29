// "On this device": turns web push on in this browser. It is asked for on a click alone, and a form takes the answer to the site.
const form = document.querySelector("[data-push]");
const words = document.querySelector("[data-push-words]");
const fields = form.elements;

const BLOCKED = "This browser blocks notifications from here. Allow them in its settings for this site, then load this page again.";
const LATER = "The browser could not turn it on: its push service did not answer. Try again later.";
const NEVER = "This browser cannot show notifications here. On an iPhone or iPad, add the commons to the home screen first.";

const inBase64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
const say = (text) => (words.textContent = text);

async function begin() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return say(NEVER);
  if (Notification.permission === "denied") return say(BLOCKED);
  say("");
  const { pushManager } = await navigator.serviceWorker.ready;
  let mine = await pushManager.getSubscription();
  // One made for another key of the site's is of no use any more
  const key = mine?.options?.applicationServerKey;
  if (key && inBase64url(key) !== form.dataset.push) {
    await mine.unsubscribe();
    mine = null;
  }
  const here = mine && document.querySelector(`[data-endpoint="${CSS.escape(mine.endpoint)}"]`);
  if (here) {
    here.querySelector("[data-here]").hidden = false;
    here.addEventListener("submit", async (event) => {
      event.preventDefault();
      await mine.unsubscribe().catch(() => undefined);
      event.target.submit();
    });
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    turnOn(pushManager);
  });
}

async function turnOn(pushManager) {
  const answer = await Notification.requestPermission();
  if (answer === "denied") {
    form.hidden = true;
    return say(BLOCKED);
  }
  if (answer !== "granted") return say("It stays off, since the browser was not allowed to show notifications.");
  try {
    const mine = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: form.dataset.push });
    fields.endpoint.value = mine.endpoint;
    for (const key of ["p256dh", "auth"]) fields[key].value = inBase64url(mine.getKey(key));
    form.submit();
  } catch {
    say(LATER);
  }
}

begin();
