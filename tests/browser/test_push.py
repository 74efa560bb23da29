"""Web push in a real browser, as far as it goes without a push service: turning on, being blocked, and what the worker shows.

No push service can be reached from here, so that the browser's own `subscribe` fails; what reaches the service worker is handed to
it by the browser's tools, after which all is as it is on a device.
"""

import json

from playwright.sync_api import expect

MARISOL = "marisol@harborstreet.example"
TOLD = {
    "title": "Rent by the week",
    "body": "Rosa commented on this post",
    "icon": "/static/icons/icon-192.png",
    "tag": "post-7",
    "url": "/notifications/1/",
    "page": "/posts/7/",
}
SHOWN = """async () => {
  const shown = await (await navigator.serviceWorker.ready).getNotifications();
  return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""


def following(open_page, **options):
    page = open_page(member=MARISOL, **options)
    page.goto("/following/")
    return page, page.locator("#devices")


def deliver(page, told):
    """Hand a push message to the page's service worker, as the browser does with one it has decrypted."""
    tools = page.context.new_cdp_session(page)
    registrations = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    tools.send("ServiceWorker.enable")
    page.wait_for_timeout(500)
    here = page.url.split("/following")[0]
    tools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": here, "registrationId": registrations[0]["registrationId"], "data": json.dumps(told)},
    )


def test_the_button_shows_where_the_browser_can_and_says_when_it_failed(open_page):
    page, section = following(open_page)
    button = section.get_by_role("button", name="Turn on")
    expect(button).to_be_visible()
    expect(section.get_by_role("status")).to_be_empty()
    page.context.grant_permissions(["notifications"])
    button.click()
    expect(section.get_by_role("status")).to_contain_text("its push service did not answer")
    expect(button).to_be_visible()
    # The windows of these tests are private ones, in which Chromium refuses, and says so
    assert all("incognito" in complaint for complaint in open_page.complaints)
    open_page.complaints.clear()


def test_it_asks_on_a_click_alone_and_stays_off_without_an_answer(open_page):
    page = open_page(member=MARISOL)
    # Stands in for somebody who closes the browser's question unanswered
    page.add_init_script("window.asked = 0; Notification.requestPermission = async () => (window.asked++, 'default')")
    page.goto("/following/")
    section = page.locator("#devices")
    button = section.get_by_role("button", name="Turn on")
    expect(button).to_be_visible()
    assert page.evaluate("window.asked") == 0
    button.click()
    expect(section.get_by_role("status")).to_contain_text("It stays off")
    assert page.evaluate("window.asked") == 1


# Stands in for the push service alone, which cannot be reached: gives an endpoint and a real key pair's public half, and keeps
# that until it is taken back, as the browser does
SERVICE = """
  const kept = () => JSON.parse(sessionStorage.getItem('stands-in') ?? 'null');
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0)).buffer;
  const told = ({ endpoint, p256dh, key }) => ({
    endpoint,
    options: { applicationServerKey: bytes(key) },
    getKey: (name) => (name === 'auth' ? new Uint8Array(16).buffer : bytes(p256dh)),
    unsubscribe: async () => (sessionStorage.removeItem('stands-in'), true),
  });
  PushManager.prototype.getSubscription = async () => (kept() ? told(kept()) : null);
  PushManager.prototype.subscribe = async ({ applicationServerKey: key }) => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    const p256dh = btoa(String.fromCharCode(...raw));
    sessionStorage.setItem('stands-in', JSON.stringify({ endpoint: `https://push.example/${raw[5]}-${raw[9]}`, p256dh, key }));
    return told(kept());
  };
  Notification.requestPermission = async () => 'granted';
"""


def test_what_the_browser_gives_reaches_the_site_and_is_taken_back(open_page):
    page = open_page(member=MARISOL)
    page.add_init_script(SERVICE)
    page.goto("/following/")
    section = page.locator("#devices")
    section.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("now shows on this device too")).to_be_visible()
    expect(section.get_by_role("listitem")).to_contain_text("Chrome on Linux, this one")
    expect(section.get_by_role("button", name="Turn on")).to_be_hidden()
    section.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("Nothing shows on that device any more")).to_be_visible()
    expect(section.get_by_role("button", name="Turn on")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('stands-in')") is None
    expect(section.get_by_role("listitem")).to_have_count(0)


def test_it_is_turned_off_without_scripts(open_page):
    page = open_page(member=MARISOL)
    page.add_init_script(SERVICE)
    page.goto("/following/")
    page.locator("#devices").get_by_role("button", name="Turn on").click()
    expect(page.locator("#devices").get_by_role("listitem")).to_have_count(1)
    _, section = following(open_page, scripts=False)
    section.get_by_role("button", name="Turn off").click()
    expect(section.get_by_role("listitem")).to_have_count(0)


def test_a_browser_that_blocks_is_told_how_to_allow(open_page):
    page = open_page(member=MARISOL)
    page.add_init_script("Object.defineProperty(Notification, 'permission', { get: () => 'denied' })")
    page.goto("/following/")
    section = page.locator("#devices")
    expect(section.get_by_role("status")).to_contain_text("blocks notifications")
    expect(section.get_by_role("button", name="Turn on")).to_be_hidden()


def test_a_browser_that_cannot_says_so(open_page):
    page = open_page(member=MARISOL)
    page.add_init_script("delete window.PushManager")
    page.goto("/following/")
    section = page.locator("#devices")
    expect(section.get_by_role("status")).to_contain_text("cannot show notifications")
    expect(section.get_by_role("button", name="Turn on")).to_be_hidden()


def test_without_scripts_the_section_says_what_it_needs(open_page):
    _, section = following(open_page, scripts=False)
    expect(section.get_by_role("status")).to_contain_text("needs JavaScript")
    expect(section.get_by_role("button", name="Turn on")).to_be_hidden()


def test_the_worker_shows_what_arrives_and_the_next_of_a_post_takes_its_place(open_page):
    page, _ = following(open_page)
    page.context.grant_permissions(["notifications"])
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    deliver(page, TOLD)
    page.wait_for_function(f"({SHOWN})().then(shown => shown.length === 1)")
    deliver(page, {**TOLD, "body": "Rosa reviewed this post"})
    page.wait_for_function(f"({SHOWN})().then(shown => shown[0].body.includes('reviewed'))")
    assert page.evaluate(SHOWN) == [
        {
            "title": "Rent by the week",
            "body": "Rosa reviewed this post",
            "tag": "post-7",
            "data": {"url": "/notifications/1/", "page": "/posts/7/"},
        }
    ]
