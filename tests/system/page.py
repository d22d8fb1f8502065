"""Tests the live page in a real browser, as wide as a desktop and as a phone, in light and dark, by keyboard and by
axe-core's rules of accessibility; and the metrics beside it.

    python tests/system/page.py FIGUREGROUND [--pictures DIR]

Needs `pip install playwright prometheus-client axe-playwright-python` and Chromium (Debian: apt-get install chromium).
CHROMIUM names a browser other than /usr/bin/chromium. --pictures keeps screenshots.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from demo import CLIP, found, free_port, start
from playwright.sync_api import Error, sync_playwright
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as parse_text_format

TOKEN = "a-token-of-this-test"
ANOTHER_TOKEN = "another-token-of-this-test"
WIDTHS, SCHEMES = (400, 1400), ("light", "dark")
# A grey picture for ever: nobody is there.
NOBODY = ("-f", "lavfi", "-i", "color=gray:size=96x96")
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],
}


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


def is_calibrated(program):
    """Returns whether the built-in bundle's gate is calibrated, as a verdict line says."""
    output = subprocess.run([program, "run", "--json", CLIP], capture_output=True, text=True, check=True).stdout
    return json.loads(output)["calibrated"] == "labels"


def text_of(name):
    return f"document.getElementById('{name}').textContent"


def says(name, text):
    """Returns the condition that the element called `name` holds `text`."""
    return f"{text_of(name)}.includes({text!r})"


def is_live(page):
    wait(page, f"document.getElementById('link') && {text_of('link')} === 'live'")


def check_accessibility(page, name):
    """Checks that the page breaks no rule of WCAG 2 at levels A and AA that axe-core knows."""
    found = Axe().run(page, options=RULES)
    assert found.response["passes"], "axe-core has checked nothing"
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"


def watch_page(browser, url, pictures, width, scheme, calibrated):
    name = f"page-{width}-{scheme}"
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
    is_live(page)
    wait(page, "document.getElementById('badge').dataset.verdict !== 'none'")
    wait(page, f"parseFloat({text_of('rate')}) > 5")
    # Each of the four panels shows something else.
    sums = """[...document.querySelectorAll('[data-panel]')].map(canvas => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let sum = 0; for (let at = 0; at < pixels.length; at += 97) sum += pixels[at]; return sum; })"""
    wait(page, f"{sums}.every(sum => sum > 0)")
    panels = page.evaluate(sums)
    assert len(set(panels)) == 4, panels
    # The chart has the colour of a verdict.
    page.wait_for_timeout(2000)
    colours = page.evaluate("""(() => { const canvas = document.getElementById('chart');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set();
        for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 3] > 250)
            seen.add(`rgb(${pixels[at]}, ${pixels[at + 1]}, ${pixels[at + 2]})`);
        return [...seen]; })()""")
    verdicts = page.evaluate("""['accept', 'flag', 'abstain'].map(
        verdict => getComputedStyle(document.querySelector(`.key .${verdict}`)).color)""")
    assert set(verdicts) & set(colours), (verdicts, colours)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the screen"
    shown = (page.text_content("#calibrated"), page.text_content("#uncalibrated"))
    assert shown == (("calibrated", "") if calibrated else ("not calibrated", "not calibrated")), shown
    assert page.text_content("#explained") and re.fullmatch("[1-8] of 8", page.text_content("#distinct"))
    for view in ("full", "person", "background"):
        meter = page.get_by_role("meter", name=f"{view} Probability of this label in each view")
        assert 0 <= float(meter.get_attribute("aria-valuenow")) <= 1
    if pictures:
        page.screenshot(path=pictures / f"{name}.png", full_page=True)
    assert not problems, problems
    check_accessibility(page, name)
    return page


def listen(page):
    """Checks that a screen reader is told of a verdict when it changes, and of nothing else."""
    page.evaluate("""() => {
        const live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], output";
        const verdict = () => ["label", "badge"].map((id) => document.getElementById(id).textContent).join(": ");
        window.spoken = [];
        // The first one was spoken before.
        window.verdicts = [verdict()];
        new MutationObserver((records) => {
            const regions = records.map(({ target }) => (target.closest ? target : target.parentElement).closest(live));
            for (const region of new Set(regions)) if (region) window.spoken.push(region.textContent);
            if (window.verdicts.at(-1) !== verdict()) window.verdicts.push(verdict());
        }).observe(document.body, { subtree: true, childList: true, characterData: true });
    }""")
    windows = "document.getElementById('chart').ariaLabel.match(/last (\\d+) windows/)[1]"
    before = int(page.evaluate(windows))
    page.wait_for_timeout(6000)
    assert int(page.evaluate(windows)) >= before + 4
    spoken, verdicts = page.evaluate("window.spoken"), page.evaluate("window.verdicts")
    assert len(spoken) == len(verdicts) - 1, (spoken, verdicts)


def use_keyboard(page, calibrated):
    """Checks that Tab reaches every control, that one sees where it is, and that controls work without a mouse."""
    page.evaluate("document.activeElement.blur()")
    controls = page.evaluate("""[...document.querySelectorAll('a[href], button, input, textarea, [tabindex]')]
        .filter(node => node.checkVisibility() && !node.disabled).map(node => node.id || node.textContent)""")
    assert len(controls) == 5, controls
    reached = []
    for _ in controls:
        page.keyboard.press("Tab")
        name, style, width = page.evaluate("""(() => { const node = document.activeElement;
            const style = getComputedStyle(node);
            return [node.id || node.textContent, style.outlineStyle, parseFloat(style.outlineWidth)]; })()""")
        assert style != "none" and width >= 2, (name, style, width)
        reached.append(name)
    assert reached == controls, (reached, controls)
    # The last one is the switch of pictures.
    page.keyboard.press("Space")
    wait(page, "!document.getElementById('dark').hidden")
    page.keyboard.press("Space")
    wait(page, "document.getElementById('dark').hidden")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.25")
    page.keyboard.press("Enter")
    wait(page, says("set", "in use"))
    text = "thresholds changed since calibration" if calibrated else "not calibrated"
    wait(page, f"{text_of('uncalibrated')} === {text!r}")
    assert page.text_content("#calibrated") == text


def control(page):
    # No window exceeds this threshold.
    page.fill("#tau", "1000")
    page.click("#threshold [type=submit]")
    wait(page, says("set", "in use"))
    wait(page, "!document.querySelector('main').textContent.includes('the background dominates')")
    page.evaluate("window.spoken = []")
    page.fill("#labels", "reading a book\nriding a horse\nswimming")
    page.click("#relabel [type=submit]")
    wait(page, f"{text_of('count')} === '3'")
    wait(page, f"['reading a book', 'riding a horse', 'swimming'].includes({text_of('label')})")
    # A screen reader is told of the verdict that changes.
    spoken = "/^(reading a book|riding a horse|swimming): (accept|flag|abstain)[.]/"
    wait(page, f"window.spoken.some(text => {spoken}.test(text))")
    wait(page, says("label-update", "in use"))
    # The gate was calibrated for other labels.
    wait(page, f"{text_of('uncalibrated')} === 'not calibrated'")
    page.uncheck("#picture")
    wait(page, "!document.getElementById('dark').hidden")
    assert not page.locator("[data-panel='0']").is_visible()
    page.check("#picture")
    page.wait_for_selector("[data-panel='0']", state="visible")


def refuse(page):
    """Checks that values which cannot be used change nothing, and that the reason stays until the next edit."""
    # It is infinite in single precision.
    page.fill("#tau", "1e39")
    page.click("#threshold [type=submit]")
    wait(page, says("set", "expected"))
    page.fill("#labels", "twice\ntwice")
    page.click("#relabel [type=submit]")
    wait(page, says("label-update", "twice"))
    page.wait_for_timeout(4000)
    assert "twice" in page.text_content("#label-update") and "expected" in page.text_content("#set")
    assert page.input_value("#labels") == "twice\ntwice" and page.text_content("#count") == "3"
    assert page.input_value("#tau") == "1e39"
    page.locator("#labels").press_sequentially("x")
    page.fill("#tau", "1000")
    assert page.text_content("#label-update") == page.text_content("#set") == ""
    page.click("#threshold [type=submit]")
    wait(page, says("set", "in use"))
    page.fill("#labels", "reading a book\nriding a horse\nswimming")
    page.click("#relabel [type=submit]")
    wait(page, says("label-update", "in use"))


def edit(browser, url, page, judge, config):
    """Checks that an edit is kept while another window and SIGHUP change the values, which other fields follow."""
    other = browser.new_page()
    other.goto(url)
    is_live(other)
    wait(other, "document.getElementById('labels').value.includes('swimming')")
    wait(other, "document.getElementById('tau').value === '1000'")
    page.fill("#tau", "0.125")
    page.fill("#labels", "my own edit")
    other.fill("#tau", "2.5")
    other.click("#threshold [type=submit]")
    other.fill("#labels", "eating\nsleeping")
    other.click("#relabel [type=submit]")
    wait(other, f"{text_of('count')} === '2'")
    for form in ("threshold", "relabel"):
        wait(page, f"!document.querySelector('#{form} .note').hidden")
    check_accessibility(page, "notes")
    config.write_text("tau = 7.5\n")
    judge.send_signal(signal.SIGHUP)
    # A field without an edit is never stale, even with the focus in it.
    wait(other, "document.getElementById('tau').value === '7.5'")
    assert other.input_value("#labels") == "eating\nsleeping"
    page.wait_for_timeout(2000)
    assert page.input_value("#tau") == "0.125" and page.input_value("#labels") == "my own edit"
    page.click("#threshold .note button")
    assert page.input_value("#tau") == "7.5"
    page.click("#relabel .note button")
    assert page.input_value("#labels") == "eating\nsleeping"
    assert not page.locator(".note").first.is_visible() and not page.locator(".note").last.is_visible()
    # The focus stays in a field that follows.
    page.focus("#tau")
    config.write_text("tau = 6.5\n")
    judge.send_signal(signal.SIGHUP)
    wait(page, "document.getElementById('tau').value === '6.5'")
    other.close()


def go_away(page, feed, pictures):
    """Checks that the page says for how long a source is away, and no more once it is back."""
    assert page.text_content("#reconnects") == "0"
    feed.send_signal(signal.SIGSTOP)
    wait(page, f"{text_of('link')} === 'away' && /^for [0-9]+ s$/.test({text_of('age')})")
    first = page.text_content("#age")
    wait(page, f"{text_of('age')} !== {first!r}")
    assert page.text_content("#reconnects") == "now"
    assert "last verdict" in page.text_content("#stale")
    check_accessibility(page, "away")
    if pictures:
        page.screenshot(path=pictures / "away.png", full_page=True)
    feed.send_signal(signal.SIGCONT)
    is_live(page)
    assert page.text_content("#age") == "" and page.text_content("#reconnects") == "0"
    assert page.text_content("#stale") == ""


def scrape(url):
    """Returns the metrics in OpenMetrics, after Prometheus's parsers have read them in both formats."""
    with urllib.request.urlopen(url + "metrics") as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers
        older = {family.name: family for family in parse_text_format(answer.read().decode())}
    request = urllib.request.Request(url + "metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["content-type"].startswith("application/openmetrics-text"), answer.headers
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    # The older format has the info as a gauge.
    assert {name.removesuffix("_info") for name in older} == families.keys(), older.keys() ^ families.keys()
    assert older["figureground_frames"].type == families["figureground_frames"].type == "counter"
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
    check_accessibility(page, "login")
    page.fill("#token", "not the token at all")
    page.click("button")
    wait(page, says("answer", "wrong token"))
    page.fill("#token", TOKEN)
    page.click("button")
    is_live(page)
    # The token is in a cookie that scripts cannot read, and a reload still has it.
    assert page.evaluate("document.cookie") == ""
    page.reload()
    is_live(page)
    return page


def change_token(page, folder, program, port, pictures):
    """Checks that the page asks for the new token of a restarted program, and keeps what is edited."""
    page.fill("#labels", "my own edit")
    pathlib.Path(folder, "token").write_text(ANOTHER_TOKEN)
    feed, judge, _ = start(program, folder, "--token-file", "token", "--no-picture", rate=20, port=port)
    try:
        wait(page, "document.getElementById('dialog').open")
        check_accessibility(page, "dialog")
        if pictures:
            page.screenshot(path=pictures / "token.png")
        # It asks once, and tries no more until it has an answer.
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(3000)
        assert not asked, asked
        # Without an answer the page stays, with a button that asks again.
        page.keyboard.press("Escape")
        assert "token has changed" in page.text_content("#link")
        page.click("#ask")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        wait(page, says("answer", "wrong token"))
        page.fill("#token", ANOTHER_TOKEN)
        page.keyboard.press("Enter")
        is_live(page)
        assert page.input_value("#labels") == "my own edit"
        assert not page.locator("#ask").is_visible() and not page.locator("#dialog").is_visible()
        end(feed, judge)
    finally:
        judge.kill()
        feed.kill()


def see_nobody(browser, program, folder, pictures):
    """Checks that no label is shown while nobody is seen, and that the page says that a gate is not calibrated."""
    pathlib.Path(folder, "labels").write_text("reading a book\nswimming\n")
    feed, judge, url = start(program, folder, "--labels", "labels", rate=20, video=NOBODY)
    try:
        page = browser.new_page(color_scheme="light")
        page.goto(url)
        wait(page, "document.getElementById('badge').dataset.verdict === 'abstain'")
        assert page.text_content("#label") == "nobody is seen"
        size = "parseFloat(getComputedStyle(document.getElementById('label')).fontSize)"
        assert page.evaluate(size) < 20
        assert "reading" not in page.inner_text("main") and "swimming" not in page.inner_text("main")
        assert page.text_content("#calibrated") == page.text_content("#uncalibrated") == "not calibrated"
        assert page.get_by_role("meter", name="full").get_attribute("aria-valuetext") == "unknown"
        check_accessibility(page, "nobody")
        if pictures:
            page.screenshot(path=pictures / "nobody.png", full_page=True)
        page.close()
        end(feed, judge)
    finally:
        judge.kill()
        feed.kill()


def see_drift(browser, program, folder, pictures):
    """Checks that the page warns once the share of flags is not that of the calibration."""
    bundle = pathlib.Path(folder, "bundle")
    shutil.copytree(CLIP.parents[1] / "built-in", bundle)
    manifest = bundle / "bundle.toml"
    text = re.sub(r"(?m)^(flagged|mean-risk) = .*\n", "", manifest.read_text())
    output = subprocess.run([program, "run", "--json", CLIP], capture_output=True, text=True, check=True).stdout
    share = 0.0 if json.loads(output)["verdict"] == "flag" else 1.0
    manifest.write_text(text.replace("[gate.calibration]\n", f"[gate.calibration]\nflagged = {share}\n"))
    flags = ("--bundle", bundle, "--window", "0.5", "--stride", "0.05")
    feed, judge, url = start(program, folder, *flags, rate=20)
    try:
        page = browser.new_page(color_scheme="light")
        page.goto(url)
        is_live(page)
        assert page.text_content("#drift") == ""
        wait(page, says("drift", "The calibration no longer fits (share of flags"))
        wait(page, says("flagged", f"{100 * share:.0f} % at calibration"))
        check_accessibility(page, "drift")
        if pictures:
            page.screenshot(path=pictures / "drift.png", full_page=True)
        page.close()
        end(feed, judge)
    finally:
        judge.kill()
        feed.kill()


def watch_demo(browser, program, folder, pictures):
    config = pathlib.Path(folder, "figureground.toml")
    config.write_text("")
    calibrated = is_calibrated(program)
    # The demo's verdicts need not be those of the calibration's clips.
    feed, judge, url = start(program, folder, "--config", config, "--drift", "1", rate=20)
    try:
        for width in WIDTHS:
            for scheme in SCHEMES:
                page = watch_page(browser, url, pictures, width, scheme, calibrated)
                if (width, scheme) != (WIDTHS[-1], SCHEMES[-1]):
                    page.close()
        listen(page)
        use_keyboard(page, calibrated)
        control(page)
        refuse(page)
        edit(browser, url, page, judge, config)
        text = scrape(url)
        if pictures:
            (pictures / "metrics.txt").write_text(text)
        go_away(page, feed, pictures)
        # The page shows that the program ended.
        end(feed, judge)
        wait(page, says("link", "not connected"))
        page.close()
    finally:
        judge.kill()
        feed.kill()


def protect(browser, program, folder, pictures):
    pathlib.Path(folder, "token").write_text(TOKEN)
    port = free_port()
    feed, judge, url = start(program, folder, "--token-file", "token", "--no-picture", rate=20, port=port)
    try:
        page = log_in(browser, url)
        end(feed, judge)
    finally:
        judge.kill()
        feed.kill()
    change_token(page, folder, program, port, pictures)


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
        for check in (watch_demo, see_nobody, see_drift, protect):
            check(browser, arguments.program, folder, arguments.pictures)
        browser.close()
    print("page: ok")


if __name__ == "__main__":
    main()
