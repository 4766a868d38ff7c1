"""Opens pages of `merganser report` in Chromium: nothing is requested, nothing
goes wrong, every chart is drawn, foreign text stays text.

MERGANSER_BIN names the folder of the programs. MERGANSER_PICTURES, if set, a
folder for pictures of the pages.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

import browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("MERGANSER_BIN", ROOT / "build" / "bin"))

# How many different colours each canvas has: one that is empty has one.
COLOURS = """
[...document.querySelectorAll('canvas')].map((canvas) => {
  const {width, height} = canvas;
  const pixels = new Uint32Array(
    canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer);
  return new Set(pixels).size;
})"""

# Campaign, changes to it, and its charts.
CAMPAIGNS = [
    ("digits-pretrained", ["budget.evaluations=300"], 4),
    ("digits-scratch", ["budget.evaluations=200"], 3),
    ("llm-arithmetic-strings", ["budget.evaluations=30"], 5),
]

NASTY = "</script><img src=x onerror=alert(1)><!-- \"'&"


def merganser(*arguments):
    subprocess.run([PROGRAMS / "merganser", *arguments], check=True, cwd=ROOT,
                   stdout=subprocess.DEVNULL)


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if browser.executable() is None:
            raise unittest.SkipTest("Chromium is missing: apt-get install chromium")
        cls.folder = tempfile.TemporaryDirectory()
        cls.browser = browser.Browser()
        cls.pages = {}
        for name, changes, _ in CAMPAIGNS:
            cls.pages[name] = cls.make_page(name, changes)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.folder.cleanup()

    @classmethod
    def make_page(cls, name, changes, output=None):
        run = os.path.join(cls.folder.name, output or name)
        sets = [word for change in changes for word in ("--set", change)]
        merganser("run", f"examples/{name}.yaml", "--output", run, *sets)
        page = run + ".html"
        merganser("report", run, "-o", page)
        return page

    def check(self, page, charts, width, dark):
        self.browser.open(page, width=width, dark=dark)
        self.assertEqual(self.browser.errors, [])
        self.assertEqual([url for url in self.browser.requests
                          if not url.startswith(("file://", "data:"))], [])
        colours = self.browser.evaluate(COLOURS)
        self.assertEqual(len(colours), charts)
        self.assertEqual(self.browser.evaluate("document.documentElement.dataset.charts"), str(charts))
        for number in colours:
            self.assertGreater(number, 10)
        # Nothing but tables in their own frames is wider than the window.
        self.assertLessEqual(self.browser.evaluate("document.documentElement.scrollWidth"), width)

    def test_every_page_is_whole_light_and_dark_wide_and_narrow(self):
        for name, _, charts in CAMPAIGNS:
            for width in (1280, 390):
                for dark in (False, True):
                    with self.subTest(name=name, width=width, dark=dark):
                        self.check(self.pages[name], charts, width, dark)
                        self.keep_picture(f"{name}-{width}-{'dark' if dark else 'light'}.png")

    def test_charts_follow_the_colour_scheme(self):
        self.browser.open(self.pages["digits-pretrained"])
        ink = "Chart.getChart(document.querySelector('canvas')).options.scales.x.ticks.color"
        light = self.browser.evaluate(ink)
        self.browser.scheme(dark=True)
        self.browser.settle()
        self.assertNotEqual(self.browser.evaluate(ink), light)
        self.assertEqual(self.browser.errors, [])

    def test_every_canvas_is_named_and_has_its_data_as_a_table(self):
        for name, _, charts in CAMPAIGNS:
            self.browser.open(self.pages[name])
            self.assertEqual(self.browser.evaluate(
                "[...document.querySelectorAll('canvas')].filter((canvas) =>"
                " canvas.getAttribute('aria-label').length > 20 &&"
                " canvas.parentElement.nextElementSibling.querySelectorAll('tbody tr').length > 0).length"), charts)

    def test_foreign_text_stays_text(self):
        page = self.make_page("digits-pretrained", ["budget.evaluations=20", f"description={NASTY}"], "nasty")
        self.check(page, 4, 1280, False)
        self.assertEqual(self.browser.evaluate("document.getElementById('description').textContent"), NASTY)
        self.assertEqual(self.browser.evaluate("document.images.length"), 0)
        self.assertEqual(self.browser.evaluate("document.scripts.length"), 3)

    def test_it_prints(self):
        self.browser.open(self.pages["digits-pretrained"], dark=True)
        pdf = self.browser.call("Page.printToPDF")["data"]
        self.assertGreater(len(pdf), 50_000)
        self.assertEqual(self.browser.errors, [])

    def keep_picture(self, name):
        folder = os.environ.get("MERGANSER_PICTURES")
        if folder:
            self.browser.screenshot(os.path.join(folder, name))


if __name__ == "__main__":
    unittest.main()
