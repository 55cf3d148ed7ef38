"""What the site takes from the code itself: a page a law, a page a rule, and pages kept elsewhere.

MkDocs calls ``on_config`` and ``on_files`` before it builds. A law's page is its section of
``laws.md`` with its parameters and a picture of its shape; a rule's page is the docstring of its
file. So neither can lag behind the code.
"""

import inspect
import io
import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mkdocs.structure.files import File, Files

from mixlaw import laws, plugins
from mixlaw.laws import Inputs, Law, Parameter
from mixlaw.quantities import format_quantity
from mixlaw.recommend import rules
from mixlaw.recommend.options import described, rule_names
from mixlaw.report.style import LINES, count_axis, new_figure

ROOT = Path(__file__).parents[1]
#: Setting of the pictures: one size, and a base of this loss.
_SIZE, _BASE_LOSS = 1e9, 2.5
_SHARES, _TOKENS = (0.1, 0.3, 0.9), (1e9, 5e9, 2e10)
#: Corpora of the pictures of laws that know the shares of all.
_CORPORA = ("domain", "web", "books")
_ROWS = {
    "ends": "annealed end points of runs",
    "trunk": "checkpoints at constant learning rate",
    "all": "annealed ends and checkpoints alike",
}


def on_config(config: Any) -> Any:
    """List the generated pages in the navigation, where ``mkdocs.yml`` names their folders."""
    folders = {"laws/": plugins.available("laws"), "rules/": rule_names()}
    for section in (item for item in config.nav if isinstance(item, dict)):
        for pages in (value for value in section.values() if isinstance(value, list)):
            for page in (item for item in pages if isinstance(item, dict)):
                for title, place in page.items():
                    if place in folders:
                        page[title] = [{n: f"{place}{n}.md"} for n in folders[place]]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, content in {**_law_pages(), **_rule_pages(), **_kept_elsewhere()}.items():
        files.append(File.generated(config, path, content=content))
    return files


# ---- laws ----


def _law_pages() -> dict[str, str | bytes]:
    sections = _sections((ROOT / "docs" / "laws.md").read_text(encoding="utf-8"))
    pages: dict[str, str | bytes] = {}
    for name in plugins.available("laws"):
        law = laws.load(name)
        pages[f"laws/{name}.md"] = _law_page(law, sections)
        if law.inputs:
            pages[f"laws/{name}.svg"] = _svg(_law_picture(law))
    return pages


def _sections(text: str) -> dict[str, str]:
    """Sections of ``laws.md`` by the names in their headings."""
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        for name in heading.split(","):
            found[name.strip()] = re.split(r"^## ", body, flags=re.MULTILINE)[0].strip("\n")
    return found


def _law_page(law: Law, sections: dict[str, str]) -> str:
    own = law.name in sections
    parent = law.name if own else law.name.rpartition("-")[0]
    specification = inspect.getdoc(plugins.load("laws", law.name)) or ""
    lines = [f"# {law.name}", ""]
    if own:
        lines += [sections[law.name], ""]
    else:
        lines += [
            f"    {law.formula}",
            "",
            f"A variant of [`{parent}`]({parent}.md); when to trust it is said there.",
            "",
            _markdown(specification),
            "",
        ]
    if law.inputs:
        lines += [
            f"![Shape of the law]({law.name}.svg)",
            "",
            "*Its shape with parameters from the middle of their search boxes: an illustration, no "
            "fit.*",
            "",
        ]
    needs = ", ".join(law.inputs) or "nothing"
    lines += [f"Needs {needs} ({law.minimum}); fits {_ROWS[law.takes]}.", ""]
    lines += ["| parameter | from | to | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{p.name}` | {p.low:g} | {p.high:g} | {p.meaning} |"
        for p in (*law.parameters, *law.per_corpus)
    ]
    lines += [
        "",
        f"`mixlaw fit --law {law.name}`; `mixlaw laws {law.name}`. [All laws](../laws.md).",
    ]
    return "\n".join(lines) + "\n"


def _law_picture(law: Law) -> Figure:
    """Loss against the share at three budgets, and against tokens at three shares."""
    figure, axes = new_figure(1, 2, width=3.6)
    values = {p.name: _middle(p) for p in law.expand(_CORPORA)}
    by_share, by_tokens = axes[0]
    shares, tokens = np.linspace(0.02, 1, 150), np.geomspace(2e8, 5e10, 150)
    for value, color in zip(_TOKENS, LINES, strict=False):
        loss = law.predict(values, _inputs(shares, np.full_like(shares, value)))
        by_share.plot(shares, loss, color=color, label=f"{format_quantity(value)} tokens")
    for value, color in zip(_SHARES, LINES, strict=False):
        loss = law.predict(values, _inputs(np.full_like(tokens, value), tokens))
        by_tokens.plot(tokens, loss, color=color, label=f"share {value:g}")
    by_share.set_xlabel("share of the loss's own corpus")
    by_tokens.set_xlabel("tokens")
    count_axis(by_tokens.xaxis, [2e8, 1e9, 5e9, 2e10])
    by_share.set_ylabel("loss (nats per token)")
    for axis in (by_share, by_tokens):
        axis.legend(fontsize=7)
    return figure


def _inputs(shares: np.ndarray, tokens: np.ndarray) -> Inputs:
    """Everything that a law may need, of one size; other corpora share the rest."""
    rest = (1 - shares) / (len(_CORPORA) - 1)
    return {
        "N": np.full_like(tokens, _SIZE),
        "D": tokens,
        "r": shares,
        "R": shares,
        "h": np.stack([shares, *[rest] * (len(_CORPORA) - 1)]),
        "L0": np.full_like(tokens, _BASE_LOSS),
        "U": np.full_like(tokens, 2e9),
        "P": np.full_like(tokens, 1e12),
        "lr": np.ones_like(tokens),
    }


def _middle(p: Parameter) -> float:
    """The middle of a search box, geometric where its sign is known; amplitudes are one half."""
    if p.amplitude is not None:
        return 0.5
    low, high = p.start or (p.low, p.high)
    return float(np.sqrt(low * high)) if low > 0 else (low + high) / 2


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


# ---- rules ----


def _rule_pages() -> dict[str, str]:
    return {f"rules/{name}.md": _rule_page(name) for name in rule_names()}


def _rule_page(name: str) -> str:
    rule = rules.load(name)
    module = inspect.getmodule(rule.decide)
    options = described()
    lines = [f"# {name}", "", _markdown(inspect.getdoc(module) or ""), ""]
    for title, names in (("Needs", rule.required), ("Reads also", rule.reads)):
        flags = [f"`{options[n].flag}`: {options[n].help}" for n in names if options[n].flag]
        if flags:
            lines += [f"{title}:", "", *(f"- {flag}" for flag in flags), ""]
    lines += [
        f"Its ratio is called the *{rule.ratio_name}* on the screen.",
        "",
        f"`mixlaw recommend --model-size 8B --rule {name}`. [All rules](../rules.md).",
    ]
    return "\n".join(lines) + "\n"


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: double backquotes are single ones, its first line is a paragraph."""
    return textwrap.dedent(docstring).replace("``", "`")


# ---- pages kept elsewhere ----


def _kept_elsewhere() -> dict[str, str]:
    pages = {
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    pages = {name: _relinked(text, "") for name, text in pages.items()}
    for folder in sorted((ROOT / "experiments").glob("*/README.md")):
        text = folder.read_text(encoding="utf-8")
        pages[f"evidence/{folder.parent.name}.md"] = _relinked(text, "../")
    return pages


def _relinked(text: str, up: str) -> str:
    """Links between the repository's folders as links between the site's pages."""
    text = re.sub(r"\]\(\.\./([\w-]+)/README\.md\)", r"](\1.md)", text)
    return re.sub(r"\]\((?:\.\./)*docs/", f"]({up}", text)
