// Keeps one page, the one that says there is no network, and answers with it when a page cannot be fetched.
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
