"""Tests the live page in a real browser, as wide as a desktop and as a phone, and the metrics beside it.

    python tests/system/page.py FIGUREGROUND [--pictures DIR]

Needs `pip install playwright prometheus-client` and Chromium (Debian: apt-get install chromium). CHROMIUM names
a browser other than /usr/bin/chromium. --pictures keeps screenshots.
"""

import argparse
import os
import pathlib
import signal
import tempfile
import time
import urllib.request

from demo import found, start
from playwright.sync_api import Error, sync_playwright
from prometheus_client.openmetrics.parser import text_string_to_metric_families

TOKEN = "a-token-of-this-test"


def wait(page, condition, patience=60):
    """Waits until `condition` holds. Playwright's own wait does not work under the page's content policy."""
    until = time.time() + patience
    while True:
        try:
            if page.evaluate(f"Boolean({condition})"):
                return
        except Error as error:
            # The page is reloading.
            if "context was destroyed" not in str(error):
                raise
        assert time.time() < until, f"waited in vain for {condition}"
        page.wait_for_timeout(100)


def end(feed, judge):
    judge.terminate()
    assert judge.wait(timeout=30) == 143
    feed.kill()
    feed.wait()


def watch_page(browser, url, pictures, name, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 850}, color_scheme=scheme)
    problems = []
    # The warning about getImageData is caused by this test.
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if message.type in ("error", "warning") and "getImageData" not in message.text
            else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: problems.append(request.url) if not request.url.startswith((url, "data:", "blob:")) else None,
    )
    page.goto(url)
    wait(page, "document.getElementById('link').textContent === 'live'")
    wait(page, "document.getElementById('badge').dataset.verdict !== 'none'")
    wait(page, "parseFloat(document.getElementById('rate').textContent) > 5")
    # Each of the four panels shows something else.
    sums = """[...document.querySelectorAll('[data-panel]')].map(canvas => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let sum = 0; for (let at = 0; at < pixels.length; at += 97) sum += pixels[at]; return sum; })"""
    wait(page, f"{sums}.every(sum => sum > 0)")
    panels = page.evaluate(sums)
    assert len(set(panels)) == 4, panels
    # The chart has the colours of the verdicts.
    page.wait_for_timeout(2000)
    colours = page.evaluate("""(() => { const canvas = document.getElementById('chart');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set();
        for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 3] > 250)
            seen.add(`rgb(${pixels[at]}, ${pixels[at + 1]}, ${pixels[at + 2]})`);
        return [...seen]; })()""")
    flag = page.evaluate("getComputedStyle(document.querySelector('.key .flag')).color")
    assert flag in colours, (flag, colours)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the screen"
    if pictures:
        page.screenshot(path=pictures / f"{name}.png", full_page=True)
    assert not problems, problems
    return page


def control(page):
    label = page.locator("#label")
    # No window exceeds this threshold.
    page.fill("#tau", "1000")
    page.click("#threshold button")
    wait(page, "['accept', 'abstain'].includes(document.getElementById('badge').dataset.verdict)")
    page.fill("#labels", "reading a book\nriding a horse\nswimming")
    page.click("#relabel button")
    wait(page, "document.getElementById('count').textContent === '3'")
    wait(
        page, "['reading a book', 'riding a horse', 'swimming'].includes(document.getElementById('label').textContent)"
    )
    assert label.text_content()
    # Labels that cannot be used give a message and change nothing.
    page.fill("#labels", "twice\ntwice")
    page.click("#relabel button")
    wait(page, "document.getElementById('label-update').textContent.includes('twice')")
    assert page.text_content("#count") == "3"
    page.uncheck("#picture")
    wait(page, "!document.getElementById('dark').hidden")
    assert not page.locator("[data-panel='0']").is_visible()
    page.check("#picture")
    page.wait_for_selector("[data-panel='0']", state="visible")


def reload(page, judge, config):
    """Checks that the page shows a threshold that SIGHUP loaded."""
    config.write_text("tau = 7.5\n")
    judge.send_signal(signal.SIGHUP)
    wait(page, "document.getElementById('tau').value === '7.5'")


def scrape(url):
    """Returns the metrics, after Prometheus's parser has read them."""
    with urllib.request.urlopen(url + "metrics") as answer:
        assert answer.headers["content-type"].startswith("application/openmetrics-text"), answer.headers
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation for family in families.values())
    assert (
        families["figureground_latency_seconds"].unit == "seconds"
        and families["figureground_resident_memory_bytes"].unit == "bytes"
    )
    frames = families["figureground_frames"].samples[0].value
    assert frames > 20, frames
    return text


def log_in(browser, url):
    page = browser.new_page()
    page.goto(url)
    page.fill("#token", "not the token at all")
    page.click("button")
    wait(page, "document.getElementById('answer').textContent.includes('wrong token')")
    page.fill("#token", TOKEN)
    page.click("button")
    wait(page, "document.getElementById('link')?.textContent === 'live'")
    # The token is in a cookie that scripts cannot read, and a reload still has it.
    assert page.evaluate("document.cookie") == ""
    page.reload()
    wait(page, "document.getElementById('link')?.textContent === 'live'")
    page.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=found)
    parser.add_argument("--pictures", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        config = pathlib.Path(folder, "figureground.toml")
        config.write_text("")
        feed, judge, url = start(arguments.program, folder, "--config", config, rate=20)
        try:
            watch_page(browser, url, arguments.pictures, "page-phone", 400, "light").close()
            page = watch_page(browser, url, arguments.pictures, "page", 1400, "dark")
            control(page)
            reload(page, judge, config)
            text = scrape(url)
            if arguments.pictures:
                (arguments.pictures / "metrics.txt").write_text(text)
            # The page shows that the program ended.
            end(feed, judge)
            wait(page, "document.getElementById('link').textContent.includes('not connected')")
        finally:
            judge.kill()
            feed.kill()
        pathlib.Path(folder, "token").write_text(TOKEN)
        feed, judge, url = start(arguments.program, folder, "--token-file", "token", "--no-picture", rate=20)
        try:
            log_in(browser, url)
            end(feed, judge)
        finally:
            judge.kill()
            feed.kill()
        browser.close()
    print("page: ok")


if __name__ == "__main__":
    main()
