// Keeps one page, the one that says there is no network, and answers with it when a page cannot be fetched. Shows what is pushed.
const KEPT = "offline-1";
const PAGE = "/offline/";

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(KEPT);
      const page = await fetch(PAGE, { credentials: "omit" });
      const text = await page.clone().text();
      const styles = [...text.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map((match) => match[1]);
      await cache.put(PAGE, page);
      await cache.addAll(styles);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match(PAGE)));
  else if (request.destination === "style") event.respondWith(fetch(request).catch(() => caches.match(request)));
});

// What happened shows on the device while no page is open. What is told of one post takes the place of what was told before.
self.addEventListener("push", (event) => {
  const { title, url, page, ...shown } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { ...shown, data: { url, page } }));
});

// Where it leads: in a tab that shows that page already, or in a new one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, page } = event.notification.data;
  event.waitUntil(
    (async () => {
      const tabs = await self.clients.matchAll({ type: "window" });
      const tab = tabs.find((one) => new URL(one.url).pathname.startsWith(page));
      if (!tab) return self.clients.openWindow(url);
      await tab.focus();
      return tab.navigate(url); // a page with something unsent asks before it goes
    })(),
  );
});
