// Where there is no network, a page that says so in place of the browser's own.
if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("/worker.js");
