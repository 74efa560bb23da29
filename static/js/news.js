// The bell's count on an open page. While the page is seen, a stream says when something is new; the page then asks how much.
const bell = document.querySelector("[data-news]");
const count = bell.querySelector(".count");
const status = Object.assign(document.createElement("span"), { className: "hidden" });
status.setAttribute("role", "status");
bell.after(status);

const some = (least, most) => 1000 * (least + Math.random() * (most - least)); // so that not all pages ask at once
let stream, later;

function listen() {
  close();
  if (document.hidden) return;
  const shown = count.firstChild?.data ?? "";
  stream = new EventSource(`/notifications/stream/?shown=${encodeURIComponent(shown)}`);
  stream.addEventListener("news", ask);
  stream.addEventListener("enough", close); // newer pages have taken this one's place, until it is looked at again
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) later = setTimeout(comeBack, some(30, 60));
  });
}

function close() {
  clearTimeout(later);
  stream?.close();
  stream = undefined;
}

// What the browser does not come back to by itself: a 503, a proxy's error while the site starts anew, or the end of a session.
async function comeBack() {
  if (await ask()) listen();
}

// Shows how much is unread. False for who is signed in no more.
async function ask() {
  const answer = await fetch("/notifications/count/").catch(() => undefined);
  if (answer?.ok) {
    if (answer.status === 204) return false;
    const before = parseInt(count.textContent) || 0;
    count.innerHTML = await answer.text();
    if ((parseInt(count.textContent) || 0) > before) status.textContent = bell.textContent.trim();
  }
  return true;
}

document.addEventListener("visibilitychange", listen);
listen();
