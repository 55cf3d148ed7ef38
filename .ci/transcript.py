"""Keep what ``mixlaw demo`` printed in the README: ``mixlaw demo | python .ci/transcript.py``.

``skeleton`` leaves of a transcript what every machine prints: headings and rows, without figures.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- mixlaw demo -->\n```text\n)(.*?)(```\n<!-- end -->)", re.DOTALL)
_FIGURE = re.compile(r"-?\d[\d.,]*[%kMB]?|✓|✗|none")


def skeleton(transcript: str) -> list[str]:
    """Headings and rows, every figure, tick and cross the same, without what one answer doubts."""
    lines = [line.rstrip() for line in transcript.splitlines()]
    told = [line for line in lines if re.match(r"\d\. |  |Now |Recommended|The data", line)]
    return [" ".join(_FIGURE.sub("#", line).split()) for line in told]


def transcript() -> str:
    """What the README holds."""
    found = BLOCK.search(README.read_text())
    if found is None:
        raise SystemExit(f"{README} has no block between '<!-- mixlaw demo -->' and '<!-- end -->'")
    return found[2]


def main() -> None:
    """Put what comes from stdin into the README."""
    printed = sys.stdin.read().strip() + "\n"
    README.write_text(BLOCK.sub(lambda found: f"{found[1]}{printed}{found[3]}", README.read_text()))


if __name__ == "__main__":
    main()
