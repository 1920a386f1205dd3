"""The scrubber in a real browser over the application: pixels, keys, links, both themes, no request per move."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from frontend.components.scrubber import title as titled
from tests.support.browsing import drag, pixels, ready
from tests.support.recorded import CARTPOLE, FINGER
from tests.support.waiting import until
from tests.support.workplace import Workplace

pytestmark = pytest.mark.browser

Rows = list[dict[str, Any]]


@pytest.fixture
def rows(studio_work: Workplace) -> Rows:
    """The rows that the page shows, those of inactive dimensions last."""
    return list(studio_work.get(f"/checkpoints/{FINGER}/atlas")["rows"])


def dims(rows: Rows) -> list[int]:
    return [row["dim"] for row in rows]


def title_of(row: dict[str, Any]) -> str:
    return titled(row["dim"], row["name"], guess=row["source"] == "guess")


def signed(number: float, digits: int) -> str:
    """As the page writes a number: with its sign, unless it is shown as 0."""
    text = f"{number:+.{digits}f}".replace("-", "−")
    return text[1:] if not text.strip("+−0.") else text


def value(page: Page) -> Locator:
    """What the readout says of the value in sigma."""
    return page.locator(".readout b").first


def title(page: Page) -> Locator:
    """What the readout calls the dimension."""
    return page.locator(".readout .title")


def test_dragging_changes_the_picture_without_a_request_and_is_kept_in_the_address(page: Page, rows: Rows) -> None:
    before, asked = pixels(page), []
    page.on("request", lambda request: asked.append(request.url))
    drag(page, 1, 0.5, 0.05)
    assert pixels(page) != before
    assert asked == []
    expect(page).to_have_url(re.compile(f"dim={rows[1]['dim']}&column=0"))


@pytest.mark.long
def test_scrubbing_takes_less_than_half_of_each_frame(page: Page) -> None:
    times = (
        page.locator(".strip")
        .nth(1)
        .evaluate(
            """async strip => {
            const box = strip.getBoundingClientRect();
            const times = [];
            for (let step = 0; step < 90; step++) {
                const clientX = box.left + (box.width * (step % 45)) / 45;
                strip.dispatchEvent(new PointerEvent("pointermove", { clientX, pointerType: "mouse" }));
                await new Promise((done) => requestAnimationFrame((start) => {
                    times.push(performance.now() - start);  // the scrubber painted just before, in the same frame
                    done();
                }));
            }
            return times.sort((a, b) => a - b);
        }"""
        )
    )
    assert times[len(times) // 10] < 8, "milliseconds of 16.7, in the frames that nothing else disturbed"


def test_the_keyboard_moves_steps_plays_and_helps(page: Page, rows: Rows) -> None:
    page.locator(".strip").first.click()
    start = pixels(page)
    page.keyboard.press("0")
    lies = rows[0]["frame"]["sigma"]
    own, near = f"the frame lies at {signed(lies, 1)} σ", 0.4 * round(lies / 0.4)
    expect(page.locator(".caption")).to_have_text(f"Edited to {signed(near, 1)} σ; {own}")  # the nearest column
    page.keyboard.press("ArrowRight")
    expect(page.locator(".caption")).to_have_text(f"Edited to {signed(near + 0.4, 1)} σ; {own}")
    page.keyboard.press("ArrowDown")
    expect(title(page)).to_have_text(title_of(rows[1]))
    page.keyboard.press("End")
    expect(value(page)).to_have_text("+2.00")
    page.keyboard.press(".")
    expect(value(page)).to_have_text("−2.00")  # a step past the end begins again
    assert pixels(page) != start
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".help")).to_be_hidden()
    page.keyboard.press(" ")
    expect(page.locator(".play")).to_have_text("❚❚ Stop")
    expect(value(page)).not_to_have_text("−2.00")
    page.keyboard.press(" ")
    expect(page.locator(".play")).to_have_text("▶ Play")


def test_with_reduced_motion_nothing_plays_and_space_steps(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{studio}/traversals?dim=1&column=3")
    ready(page)
    page.locator(".row.active .strip").focus()
    before = value(page).inner_text()
    page.keyboard.press(" ")
    expect(value(page)).not_to_have_text(before)
    after = value(page).inner_text()
    page.wait_for_timeout(400)
    assert value(page).inner_text() == after
    expect(page.locator(".play")).to_have_text("▶ Play")


def test_a_finger_chooses_a_cell(browser: Browser, studio: str, rows: Rows) -> None:
    context = browser.new_context(viewport={"width": 420, "height": 900}, has_touch=True)
    page = context.new_page()
    page.goto(f"{studio}/traversals")
    ready(page)
    before = pixels(page)
    page.locator(".strip").nth(2).scroll_into_view_if_needed()
    page.locator(".strip").nth(2).tap(position={"x": 5, "y": 5})
    expect(title(page)).to_have_text(title_of(rows[2]))
    assert pixels(page) != before
    context.close()


def test_a_link_reopens_the_same_pixels(page: Page, context: BrowserContext, rows: Rows) -> None:
    drag(page, 3, 0.5, 0.9)
    expect(page).to_have_url(re.compile(f"dim={rows[3]['dim']}&"))
    again = context.new_page()
    again.goto(page.url)
    ready(again)
    assert pixels(again) == pixels(page)
    assert again.locator(".readout").inner_text() == page.locator(".readout").inner_text()


def test_the_prior_mean_is_no_frame_and_has_no_original(page: Page, studio: str) -> None:
    expect(page.locator(".caption")).to_contain_text("the frame lies at")
    page.goto(f"{studio}/traversals?base=prior")
    ready(page)
    expect(page.locator(".caption")).to_contain_text("the prior's mean lies at")
    expect(page.locator(".original")).not_to_be_visible()
    expect(page.locator(".reconstruction")).to_be_visible()


def test_a_held_value_stays_in_every_cell_until_it_is_let_go(page: Page, rows: Rows) -> None:
    base = pixels(page, ".reconstruction")
    drag(page, 1, 0.5, 0.95)
    page.locator(".keep").click()
    expect(page.locator(".held button")).to_have_text(re.compile(rf"{re.escape(title_of(rows[1]))} at [+−]\d\.\d\d"))
    expect(page).to_have_url(re.compile(f"edits={rows[1]['dim']}%3A"))
    assert pixels(page, ".reconstruction") != base
    expect(page.locator(".caption")).to_contain_text("held value +2.0 σ")
    expect(page.locator(".row.active .lies.holding")).to_have_count(1)
    expect(page.locator(".row.active .lies.own")).to_have_count(1)  # where the frame itself lies stays marked
    page.locator(".held button").click()
    expect(page.locator(".held button")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("edits"))
    until(lambda: pixels(page, ".reconstruction") == base)


def test_the_gif_of_a_dimension_is_downloaded_under_a_telling_name(page: Page, tmp_path: Path, rows: Rows) -> None:
    drag(page, 1, 0.5, 0.6)
    expect(page).to_have_url(re.compile(f"dim={rows[1]['dim']}&"))
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="GIF", exact=True).click()
    assert re.fullmatch(
        rf"diswm_finger-spin_.*_dim{rows[1]['dim']:02d}[a-z0-9-]*_pm2sd_.*\.gif", download.value.suggested_filename
    )
    download.value.save_as(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 20, "eleven there, nine back"


def test_inactive_dimensions_are_folded_and_counted(page: Page, rows: Rows) -> None:
    inactive = [row for row in rows if row["status"] == "inactive"]
    assert rows[-len(inactive) :] == inactive
    expect(page.locator(".fold")).to_have_text(f"Show {len(inactive)} inactive dimensions")
    expect(page.locator(".strip:visible")).to_have_count(len(rows) - len(inactive))
    page.locator(".fold").click()
    expect(page.locator(".strip:visible")).to_have_count(len(rows))


def test_each_row_is_a_slider_with_words_and_each_picture_has_its_text(page: Page, rows: Rows) -> None:
    strip = page.locator(".strip").nth(1)
    strip.focus()
    page.keyboard.press("End")
    assert strip.get_attribute("role") == "slider"
    expect(strip).to_have_attribute("aria-valuetext", f"{title_of(rows[1])}, +2.0 sigma")
    assert page.locator(".picture").get_attribute("aria-label") == f"Decoded picture: {title_of(rows[1])}, +2.0 sigma"
    unnamed = page.locator("canvas:not([aria-label]):not([aria-hidden=true])")
    assert unnamed.count() == 0


def test_two_checkpoints_are_scrubbed_together(
    context: BrowserContext, studio: str, studio_work: Workplace, rows: Rows
) -> None:
    matches = studio_work.get(f"/checkpoints/{FINGER}/compare", other=CARTPOLE)["matches"]
    match = next(item["second"] for item in matches if item["first"] == rows[2]["dim"])
    page = context.new_page()
    page.goto(f"{studio}/compare?checkpoint={FINGER}&second={CARTPOLE}")
    expect(page.locator(".scrubber[data-state=ready]")).to_have_count(2, timeout=60_000)
    second = page.locator(".scrubber").nth(1)
    before = second.locator(".picture").evaluate("c => c.toDataURL()")
    drag(page, 2, 0.5, 0.05)
    expect(second.locator(".readout .title")).to_have_text(re.compile(rf"dim {match}\b"))
    assert second.locator(".picture").evaluate("c => c.toDataURL()") != before


def test_a_rollout_plays_and_says_what_is_observed_and_what_imagined(context: BrowserContext, studio: str) -> None:
    page = context.new_page()
    page.goto(f"{studio}/imagine?context=5&horizon=10&dim=1&value=2")
    ready(page, ".player")
    model = ".pictures figure:nth-child(2) canvas"
    expect(page.locator(".pictures figure")).to_have_count(5)
    rows = page.locator(".player figcaption").all_inner_texts()
    names = page.locator(".player .film .names span").all_inner_texts()
    assert names and all(row.startswith(name) for row, name in zip(rows, names, strict=True))
    page.locator(".film").focus()
    page.keyboard.press("Home")
    expect(page.locator(".where")).to_have_text("step 0 · observed")
    green = page.locator(model).evaluate("e => getComputedStyle(e).borderTopStyle")
    before = pixels(page, model)
    page.keyboard.press("End")
    expect(page.locator(".where")).to_have_text("step 14 · imagined, 10 of 10")
    assert pixels(page, model) != before
    assert (green, page.locator(model).evaluate("e => getComputedStyle(e).borderTopStyle")) == ("solid", "dashed")
    page.keyboard.press(" ")
    expect(page.locator(".where")).not_to_have_text("step 14 · imagined, 10 of 10")
    page.keyboard.press(" ")


def test_columns_are_equal_steps_and_the_frame_is_marked_where_it_lies(page: Page) -> None:
    heads = [float(text.replace("−", "-")) for text in page.locator(".values span").all_inner_texts()]
    steps = {round(after - before, 2) for before, after in itertools.pairwise(heads)}
    assert steps == {0.4}
    expect(page.locator(".headlabel")).to_have_text("σ of the data")
    marks = page.locator(".rows:not(.folded) .lies.own")
    places = marks.evaluate_all("marks => marks.map((mark) => mark.style.left)")
    assert len(places) == page.locator(".rows:not(.folded) .row").count()
    assert len(set(places)) > 1  # each at its own place


def test_bars_and_footprints_have_one_scale(page: Page, rows: Rows) -> None:
    widths = page.locator(".bar i").evaluate_all("bars => bars.map((bar) => parseFloat(bar.style.width))")
    told = page.locator(".bar").evaluate_all(
        "bars => bars.map((bar) => parseFloat(bar.ariaLabel.match(/KL ([0-9.]+)/)[1]))"
    )
    for width, kl in zip(widths, told, strict=True):
        assert width == pytest.approx(min(100, 100 * kl / 5), abs=0.2)
    expect(page.locator(".change").first).to_have_text(f"{rows[0]['change']:.2f}")


def test_on_a_phone_cells_are_wide_and_bars_stay_comparable(phone: Page, studio: str) -> None:
    phone.goto(f"{studio}/traversals?columns=11")
    ready(phone)
    strip = phone.locator(".strip").first.bounding_box()
    assert strip and strip["width"] / 11 >= 32
    controls = phone.locator(".scrubber").locator("button:visible, input:visible").all()
    small = [box for box in map(Locator.bounding_box, controls) if box and min(box["width"], box["height"]) < 32]
    assert len(controls) > 8 and small == []
    bars = [bar["width"] for bar in map(Locator.bounding_box, phone.locator(".bar:visible").all()) if bar]
    assert len(bars) > 1 and max(bars) - min(bars) < 0.5, "a nat is as long in every row"


SLIDE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', { bubbles: true })); }"


def test_sliders_of_several_rows_draw_one_picture_and_the_model_draws_it_when_they_rest(page: Page, rows: Rows) -> None:
    first, second = dims(rows)[1:3]
    active = [row for row in rows if row["status"] != "inactive"]
    sliders = page.locator(".slide:visible")
    expect(sliders).to_have_count(len(active))
    start, asked = pixels(page), []
    page.on("request", lambda request: asked.append(request.url))
    sliders.nth(1).evaluate(SLIDE, 1.83)
    expect(page.locator(".caption")).to_have_text(f"dim {first} +1.83 σ: about, until the model has drawn it")
    one = pixels(page)
    sliders.nth(2).evaluate(SLIDE, -1.27)
    expect(page.locator(".caption")).to_contain_text(f"dim {first} +1.83 σ, dim {second} −1.27 σ")
    assert len({start, one, pixels(page)}) == 3
    assert asked == [], "while they move, the browser draws"
    sliders.nth(2).dispatch_event("change")
    expect(page.locator(".caption")).to_have_text(f"dim {first} +1.83 σ, dim {second} −1.27 σ")
    page.locator(".keep").click()
    expect(page.locator(".held button")).to_have_count(2)
    expect(page).to_have_url(re.compile(rf"edits={first}%3A-?\d[.\d]*%2C{second}%3A-?\d[.\d]*"))


def test_sliders_go_back_to_the_frame(page: Page) -> None:
    start = pixels(page)
    slider = page.locator(".slide:visible").nth(1)
    at = slider.input_value()
    slider.evaluate(SLIDE, 1.5)
    expect(page.locator(".caption")).to_contain_text("about")
    page.locator(".unslide").click()
    expect(page.locator(".unslide")).to_be_hidden()
    assert slider.input_value() == at
    assert pixels(page) == start


def test_a_wipe_lays_the_original_or_the_reconstruction_over_the_edit(page: Page) -> None:
    expect(page.locator(".over")).to_be_hidden()
    page.locator(".originalside").click()
    expect(page.locator(".originalside")).to_have_attribute("aria-pressed", "true")
    assert pixels(page, ".over") == pixels(page, ".original")
    page.locator(".wipe").evaluate(SLIDE, 25)
    assert page.locator(".over").evaluate("e => e.style.clipPath") == "inset(0px 75% 0px 0px)"
    page.locator(".reconstructionside").click()
    assert pixels(page, ".over") == pixels(page, ".reconstruction")
    page.locator(".reconstructionside").click()
    expect(page.locator(".over")).to_be_hidden()


def test_the_density_of_the_data_lies_under_each_row_and_cells_beyond_it_fade(
    page: Page, studio: str, rows: Rows
) -> None:
    active = [row for row in rows if row["status"] != "inactive"]
    expect(page.locator(".dense:visible")).to_have_count(len(active))
    short = sum(row["data"][0] > -2.2 for row in active)
    expect(page.locator(".beyond.lower:visible")).to_have_count(short)  # two sigma are within the data of the others
    assert short < len(active)
    assert "The data of" in str(page.locator(".dense").first.get_attribute("aria-label"))
    page.goto(f"{studio}/traversals?range=4")
    ready(page)
    expect(page.locator(".row").first.locator(".beyond")).to_have_count(2)
    lower = page.locator(".row").first.locator(".beyond.lower").evaluate("e => parseFloat(e.style.width)")
    assert lower == pytest.approx(100 * (rows[0]["data"][0] + 4.4) / 8.8, abs=0.1)
