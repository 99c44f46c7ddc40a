"""What a browser makes of the page of pipelines/live-page.yaml: web_page.py URL FOLDER [restart PIPE GRAPH | video]."""
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from browser import Browser

url, folder = sys.argv[1:3]
shows = "document.getElementById('state').textContent == 'running' && document.querySelectorAll('.graph g').length == 6"
curves = "[...document.querySelectorAll('.curve .line')].filter((line) => line.getAttribute('d').length > 60).length == 2"

# Contrast of each text with what is behind it, as WCAG 2 counts it: at least 4.5, or 3 for large text.
contrast = """(() => {
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
    const bad = [];
    for (const element of document.querySelectorAll('body *')) {
        if (![...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !element.getClientRects().length) continue;
        if (element.closest('svg, noscript, .hidden, script, option, dialog')) continue;
        const style = getComputedStyle(element), [a, b] = [light(parse(style.color)), light(behind(element))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
        if (ratio < (size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5)) bad.push(element.className + ' ' + element.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
    }
    return bad;
})()"""

# What has no name for a screen reader, and what stands twice.
names = """(() => {
    const bad = [];
    for (const e of document.querySelectorAll('button, input, select, a, img, svg[role=img], [role=group]')) {
        const name = e.getAttribute('aria-label') || e.getAttribute('alt') || (e.labels && e.labels.length && e.labels[0].textContent)
            || (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby')).textContent) || e.textContent;
        if (!name.trim()) bad.push(e.outerHTML.slice(0, 80));
    }
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    return bad.concat(ids.filter((id, i) => ids.indexOf(id) !== i));
})()"""


def wide(page):
    return page.value("document.documentElement.scrollWidth > document.documentElement.clientWidth")


with Browser() as browser:
    if sys.argv[3:4] == ["restart"]:
        run = [sys.argv[4], "run", sys.argv[5], "--quiet", "--set", f"params.listen={url.split('/')[2]}"]
        first = subprocess.Popen(run)
        page = None
        try:
            # The page is served from the first moment on, but the browser may be there before.
            while page is None or page.value("document.title") != "live-page · pipe":
                assert first.poll() is None, "the run has ended"
                if page is None or page.value("location.protocol") == "chrome-error:":
                    page = browser.open(url)
            page.wait(shows)
            assert page.value("document.getElementById('drain').hidden"), "a run without a token takes no orders"
            page.wait("Number(document.getElementById('uptime').textContent.split(':').pop()) >= 2")
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=30) == 0
            page.wait("['lost', 'ended'].includes(document.getElementById('state').dataset.state)")
            assert page.value("document.getElementById('news').textContent") != ""
            second = subprocess.Popen(run)
            try:
                page.wait(shows + " && document.getElementById('uptime').textContent < '0:00:20'")
                page.wait(curves)
                print("the page went on after a restart")
            finally:
                second.send_signal(signal.SIGTERM)
                assert second.wait(timeout=30) == 0
        finally:
            if first.poll() is None:
                first.kill()
        sys.exit(0)

    if sys.argv[3:4] == ["video"]:
        for name, options in {"video": {"dark": True}, "video-phone": {"width": 390, "height": 844, "scale": 2}}.items():
            page = browser.open(url, **options)
            page.wait("document.querySelector('.view img') && document.querySelector('.view img').naturalWidth > 100")
            page.wait("[...document.querySelectorAll('.curve .line')].filter((line) => line.getAttribute('d').length > 60).length == 5")
            page.wait("Number(document.getElementById('uptime').textContent.split(':').pop()) % 30 >= 6")
            assert page.value(names) == [] and page.value(contrast) == [] and not wide(page)
            page.screenshot(os.path.join(folder, f"{name}.png"), whole=True)
            assert page.problems == [], page.problems
            page.close()
        sys.exit(0)

    for name, options in {
        "light": {"width": 1280, "height": 900},
        "dark": {"width": 1280, "height": 900, "dark": True},
        "phone": {"width": 390, "height": 844, "scale": 2, "reduced": True},
        "phone-dark": {"width": 390, "height": 844, "scale": 2, "dark": True},
    }.items():
        page = browser.open(url, **options)
        page.wait(shows)
        page.wait(curves)
        page.wait("Number(document.getElementById('uptime').textContent.split(':').pop()) >= 4")
        assert page.value("document.title") == "live-page · pipe"
        assert not wide(page), f"{name}: the page is wider than its window"
        assert page.value(contrast) == [], f"{name}: {page.value(contrast)}"
        assert page.value(names) == [], f"{name}: {page.value(names)}"
        rows = page.value("[...document.querySelectorAll('#stages tr')].map((row) => row.cells[0].textContent)")
        assert rows == ["sensors", "readings", "hot", "curves", "slow", "latest"], rows
        assert "balance" in page.value("document.getElementById('overview').textContent")
        page.screenshot(os.path.join(folder, f"{name}.png"), whole=True)
        assert page.problems == [], f"{name}: {page.problems}"
        page.close()

    # By keyboard alone: the switch of colours, and a token that is wrong.
    page = browser.open(url)
    page.wait(shows)
    page.value("document.getElementById('theme').focus()")
    before = page.value("getComputedStyle(document.documentElement).backgroundColor")
    for _ in range(2):
        page.call("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13})
        page.call("Input.dispatchKeyEvent", {"type": "keyUp", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13})
    page.wait("document.documentElement.dataset.theme == 'dark'")
    assert page.value("getComputedStyle(document.documentElement).backgroundColor") != before
    assert "dark" in page.value("document.getElementById('theme').getAttribute('aria-label')")
    page.key("Tab", 9)
    assert page.value("document.activeElement.id") == "drain"
    page.value("document.activeElement.click()")
    page.wait("document.getElementById('ask').open && document.activeElement.id == 'token'")
    page.call("Input.insertText", {"text": "wrong"})
    page.call("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13})
    page.wait("document.getElementById('ask-problem').textContent == 'This is not the token of the run.'")
    page.screenshot(os.path.join(folder, "dialog.png"))
    page.key("Escape", 27)
    page.wait("!document.getElementById('ask').open && document.activeElement.id == 'drain'")
    print("the page is well in light, dark, on a phone and by keyboard")
